import { randomBytes } from 'node:crypto'

const EXTERNAL_ID_BYTES = 16

/** An ExternalId that is unique to its organization, so that no customer can point the gateway at the role of another. */
export function newExternalId(organization: string): string {
  return `${organization}-${randomBytes(EXTERNAL_ID_BYTES).toString('hex')}`
}
