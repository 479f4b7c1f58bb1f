import type { Signer, Verifier } from '../crypto/signature.ts'
import { canonicalJson } from './canonical-json.ts'
import type { ChainHead } from './row.ts'

const DOMAIN = 'portcullis/audit-anchor/v1\n'

/**
 * A signed statement that the rows of a chain up to `sequence` were removed because they were older than the
 * retention. It takes the place of the row before the oldest one that is left: without it, their absence is damage.
 */
export interface SignedAnchor {
  readonly chain: string
  /** The last row that was removed. */
  readonly sequence: number
  /** Hash of that row: what the first row that is left links to. */
  readonly hash: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
  /** Every event before this instant was allowed to go; RFC 3339, UTC, milliseconds. */
  readonly removedBefore: string
  /** Which key signed: see `Signer.keyId`. */
  readonly keyId: string
  /** Ed25519 over the canonical serialisation of all members above, base64url. */
  readonly signature: string
}

/** Signs the removal of the rows up to `last`. */
export function signAnchor(last: ChainHead, at: string, removedBefore: string, signer: Signer): SignedAnchor {
  const { chain, sequence, hash } = last
  const unsigned = { chain, sequence, hash, at, removedBefore, keyId: signer.keyId }
  const signature = Buffer.from(signer.sign(message(unsigned))).toString('base64url')
  return { ...unsigned, signature }
}

/** True when one of the verifiers is the signing key's and the signature is right. */
export function anchorIsGenuine(anchor: SignedAnchor, verifiers: readonly Verifier[]): boolean {
  const verifier = verifiers.find(({ keyId }) => keyId === anchor.keyId)
  return verifier?.verify(message(anchor), Buffer.from(anchor.signature, 'base64url')) ?? false
}

function message(anchor: Omit<SignedAnchor, 'signature'>): Uint8Array {
  const { chain, sequence, hash, at, removedBefore, keyId } = anchor
  return Buffer.from(DOMAIN + canonicalJson({ chain, sequence, hash, at, removedBefore, keyId }))
}
