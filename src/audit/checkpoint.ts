import type { Signer, Verifier } from '../crypto/signature.ts'
import { canonicalJson } from './canonical-json.ts'
import type { ChainHead } from './row.ts'

const DOMAIN = 'portcullis/audit-checkpoint/v1\n'

/** A signed statement that a chain had this head: rows up to it can no longer be changed or removed unseen. */
export interface SignedCheckpoint {
  readonly chain: string
  readonly sequence: number
  /** Hash of the row with that sequence number. */
  readonly hash: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
  /** Which key signed: see `Signer.keyId`. */
  readonly keyId: string
  /** Ed25519 over the canonical serialisation of all members above, base64url. */
  readonly signature: string
}

/** Signs the head of a chain. */
export function signCheckpoint(head: ChainHead, at: string, signer: Signer): SignedCheckpoint {
  const unsigned = { chain: head.chain, sequence: head.sequence, hash: head.hash, at, keyId: signer.keyId }
  const signature = Buffer.from(signer.sign(message(unsigned))).toString('base64url')
  return { ...unsigned, signature }
}

/** True when one of the verifiers is the signing key's and the signature is right. */
export function checkpointIsGenuine(checkpoint: SignedCheckpoint, verifiers: readonly Verifier[]): boolean {
  const verifier = verifiers.find(({ keyId }) => keyId === checkpoint.keyId)
  return verifier?.verify(message(checkpoint), Buffer.from(checkpoint.signature, 'base64url')) ?? false
}

function message(checkpoint: Omit<SignedCheckpoint, 'signature'>): Uint8Array {
  const { chain, sequence, hash, at, keyId } = checkpoint
  return Buffer.from(DOMAIN + canonicalJson({ chain, sequence, hash, at, keyId }))
}
