import { createHmac, timingSafeEqual } from 'node:crypto'

/** Request headers of a webhook delivery. */
export const WEBHOOK_TIMESTAMP_HEADER = 'portcullis-timestamp'
export const WEBHOOK_SIGNATURE_HEADER = 'portcullis-signature'

/** How old a delivery may be before a receiver takes it for a replay. */
const TOLERANCE_SECONDS_DEFAULT = 300

/** `v1=` and the HMAC-SHA256 (hex) of the timestamp (seconds since the epoch), a full stop and the body. */
export function webhookSignature(secret: string, timestampSeconds: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestampSeconds}.${body}`).digest('hex')}`
}

/** What a receiver does: true when the signature is right and the timestamp near `nowSeconds`. */
export function webhookIsGenuine(
  secret: string,
  headers: { readonly timestamp: string; readonly signature: string },
  body: string,
  nowSeconds: number,
  toleranceSeconds = TOLERANCE_SECONDS_DEFAULT,
): boolean {
  if (!/^\d{1,12}$/.test(headers.timestamp)) return false
  const timestamp = Number(headers.timestamp)
  if (Math.abs(nowSeconds - timestamp) > toleranceSeconds) return false
  const expected = Buffer.from(webhookSignature(secret, timestamp, body))
  const actual = Buffer.from(headers.signature)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}
