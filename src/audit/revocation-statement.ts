import { z } from 'zod'
import type { Signer, Verifier } from '../crypto/signature.ts'
import { canonicalJson } from './canonical-json.ts'

const FORMAT = 'portcullis/revocation-statement/v1'

const confirmed = z.strictObject({
  replica: z.string(),
  confirmed: z.literal(true),
  wipedAt: z.string(),
  keysWiped: z.number().int(),
  transfersCut: z.number().int(),
  lastAllowedAt: z.string().nullable(),
})
const unconfirmed = z.strictObject({ replica: z.string(), confirmed: z.literal(false) })
const suspension = z.strictObject({
  id: z.string(),
  reason: z.string(),
  scope: z.string(),
  since: z.string(),
  endedAt: z.string().nullable(),
  region: z.string().nullable(),
  awsError: z.string().nullable(),
  awsRequestId: z.string().nullable(),
})

/** Shape of a signed statement; members beyond these are refused, since no signature covers what is not read. */
export const revocationStatement = z.strictObject({
  format: z.literal(FORMAT),
  organization: z.string(),
  suspension,
  /** Every replica that ran when the suspension began, or confirmed it later. */
  replicas: z.array(z.discriminatedUnion('confirmed', [confirmed, unconfirmed])),
  /** True when every one of them confirmed; the statement claims nothing of others. */
  complete: z.boolean(),
  /** The latest use that any replica which confirmed allowed; null when none did. */
  lastAllowedAt: z.string().nullable(),
  issuedAt: z.string(),
  keyId: z.string(),
  signature: z.string(),
})

/** What the replicas of a fleet confirmed about one revocation, signed with the key of the audit trail. */
export type RevocationStatement = z.infer<typeof revocationStatement>

/** Signs what is known of a revocation at `issuedAt`. */
export function signStatement(
  about: Pick<RevocationStatement, 'organization' | 'suspension' | 'replicas'>,
  issuedAt: string,
  signer: Signer,
): RevocationStatement {
  const { organization, suspension: of, replicas } = about
  const allowed = replicas.flatMap((one) =>
    one.confirmed && one.lastAllowedAt !== null ? one.lastAllowedAt : [],
  )
  const unsigned = {
    format: FORMAT,
    organization,
    suspension: of,
    replicas,
    complete: replicas.length > 0 && replicas.every((one) => one.confirmed),
    // RFC 3339 in UTC with milliseconds sorts as text.
    lastAllowedAt: allowed.toSorted().at(-1) ?? null,
    issuedAt,
    keyId: signer.keyId,
  } as const
  const signature = Buffer.from(signer.sign(message(unsigned))).toString('base64url')
  return { ...unsigned, signature }
}

/** True when one of the verifiers is the signing key's and the signature is right. */
export function statementIsGenuine(statement: RevocationStatement, verifiers: readonly Verifier[]): boolean {
  const { signature, ...unsigned } = statement
  const verifier = verifiers.find(({ keyId }) => keyId === statement.keyId)
  return verifier?.verify(message(unsigned), Buffer.from(signature, 'base64url')) ?? false
}

function message(unsigned: Omit<RevocationStatement, 'signature'>): Uint8Array {
  return Buffer.from(`${FORMAT}\n${canonicalJson(unsigned)}`)
}
