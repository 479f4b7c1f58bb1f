import type { AuditEntry } from './entries.ts'
import type { AuditDelivery } from './forwarder.ts'
import { HttpPoster } from './http-post.ts'
import type { HttpDestination } from './http-post.ts'
import { entryLine } from './ndjson.ts'
import { WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER, webhookSignature } from './webhook-signature.ts'

const SECRET_CHARACTERS_MIN = 32

/** Where and how a webhook delivers. */
export interface WebhookOptions extends HttpDestination {
  readonly name: string
  /** Shared with the receiver; at least 32 characters. */
  readonly secret: string
  readonly wallTimeMs?: () => number
}

/**
 * Posts `{"entries":[…]}`, signed. A receiver answers 2xx once it has them; anything else means again, later.
 * Throws `TypeError` on a short secret or an address without TLS.
 */
export function webhookDelivery(options: WebhookOptions): AuditDelivery {
  if (options.secret.length < SECRET_CHARACTERS_MIN) {
    throw new TypeError(`a webhook secret has at least ${SECRET_CHARACTERS_MIN} characters`)
  }
  const poster = new HttpPoster(options)
  return {
    name: options.name,
    async deliver(entries: readonly AuditEntry[]): Promise<void> {
      const body = `{"entries":[${entries.map(entryLine).join(',')}]}`
      const timestamp = Math.floor((options.wallTimeMs ?? Date.now)() / 1000)
      await poster.post(body, {
        [WEBHOOK_TIMESTAMP_HEADER]: String(timestamp),
        [WEBHOOK_SIGNATURE_HEADER]: webhookSignature(options.secret, timestamp, body),
      })
    },
    close: () => poster.close(),
  }
}
