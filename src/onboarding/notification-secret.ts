import { createHmac } from 'node:crypto'

/**
 * The secret that one organization's notifications carry: derived from the gateway's own, so that there is nothing to
 * store and no organization can speak for another. 43 characters.
 */
export function notificationSecret(gatewaySecret: string | Uint8Array, organization: string): string {
  return createHmac('sha256', gatewaySecret)
    .update(`portcullis/notification/v1\n${organization}`)
    .digest('base64url')
}
