import type { KeyAuthority } from '../tenant/tenant.ts'

/** Non-secret pairs bound to a wrapped key by AWS KMS and shown in CloudTrail (AWS KMS: encryption context). */
export type EncryptionContext = Readonly<Record<string, string>>

/** A tenant key encrypted under the root key of one region. */
export interface WrappedCopy {
  readonly region: string
  readonly keyArn: string
  /** KMS CiphertextBlob, at most 6,144 bytes. */
  readonly ciphertext: Uint8Array
}

/** Why a root key is inaccessible: the values of the `Suspension-Reason` header that an authority can cause. */
export type DenialReason = 'access-denied' | 'key-disabled' | 'key-pending-deletion' | 'key-not-found'

/** The authority said no. It suspends; no other region may be asked instead. */
export class KeyAccessDenied extends Error {
  readonly reason: DenialReason
  readonly region: string
  /** AWS error name, for audit and logs. */
  readonly awsError: string
  readonly awsRequestId: string | undefined
  /** What was denied: the role, or a use of the key. */
  readonly subject: 'role' | 'key'

  constructor(
    reason: DenialReason,
    region: string,
    awsError: string,
    awsRequestId: string | undefined,
    subject: 'role' | 'key' = 'key',
  ) {
    super(`${awsError} in ${region}: ${reason}`)
    this.name = 'KeyAccessDenied'
    this.reason = reason
    this.region = region
    this.awsError = awsError
    this.awsRequestId = awsRequestId
    this.subject = subject
  }

  /** True unless a policy may have excluded just this kind of content: then other keys are to be asked. */
  get concernsEverything(): boolean {
    return this.subject === 'role' || this.reason !== 'access-denied'
  }
}

/** The key service did not give a verdict (throttled, timed out, 5xx, network). Never a suspension. */
export class KeyServiceUnavailable extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options)
    this.name = 'KeyServiceUnavailable'
  }
}

/** The request itself is wrong, or the answer is nothing we know: a defect. Fails closed, is no suspension. */
export class KeyServiceDefect extends Error {
  readonly region: string
  readonly awsError: string
  readonly awsRequestId: string | undefined

  constructor(
    region: string,
    awsError: string,
    awsRequestId: string | undefined,
    options?: { cause?: unknown },
  ) {
    super(`${awsError} in ${region}`, options)
    this.name = 'KeyServiceDefect'
    this.region = region
    this.awsError = awsError
    this.awsRequestId = awsRequestId
  }
}

/** Result of one unwrap: the caller owns `plaintext` (32 bytes) and must wipe it. */
export interface Unwrapped {
  readonly plaintext: Uint8Array
  readonly region: string
  readonly awsRequestId: string | undefined
}

/** A tenant key to prove access with. */
export interface KeyToProve {
  readonly keyId: string
  readonly copies: readonly WrappedCopy[]
  readonly context: EncryptionContext
}

/** What a proof found out about one key. */
export interface KeyProof {
  readonly keyId: string
  /** The denial of any region that was asked; else undefined when one of them unwrapped; else why none did. */
  readonly failure: KeyAccessDenied | KeyServiceUnavailable | KeyServiceDefect | undefined
}

/** How a proof over several keys asks. */
export interface ProofManner {
  /** `every-region`: each key in each region. `alternating`: each key in some region, each region for some key. */
  readonly regions: 'every-region' | 'alternating'
  /** Counts the proofs of an authority, so that `alternating` asks for a key in another region each time. */
  readonly turn: number
  /** Ends at the first denial; keys without a finding by then count as unanswered. */
  readonly untilDenied: boolean
}

/**
 * The root-key side of envelope encryption. Backends live in `kms/`.
 * Every method rejects with `KeyAccessDenied`, `KeyServiceUnavailable` or `KeyServiceDefect`.
 */
export interface KeyService {
  /** Encrypts `plaintext` (32 bytes) under EACH region's key of the authority; all or nothing. */
  wrap(authority: KeyAuthority, plaintext: Uint8Array, context: EncryptionContext): Promise<WrappedCopy[]>
  /** Decrypts with the first region that gives a verdict, in the authority's order. */
  unwrap(
    authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<Unwrapped>
  /**
   * Proves present access: assumes the role afresh and unwraps in every region.
   * Resolves when no region denied and at least one unwrapped; the plaintexts are wiped.
   */
  verify(authority: KeyAuthority, copies: readonly WrappedCopy[], context: EncryptionContext): Promise<void>
  /** Drops every cached credential of an authority: after a denial nothing obtained before it may be used. */
  forget(authorityId: string): void
}

/** Proves access for several keys of an authority at once; the AWS key service. */
export interface KeyProver {
  /**
   * Assumes the role afresh ONCE, then unwraps each key, each region being asked for at least one of them. Rejects as
   * `KeyService` does when the role cannot be assumed; otherwise resolves to one finding per key, in their order.
   */
  prove(authority: KeyAuthority, keys: readonly KeyToProve[], manner: ProofManner): Promise<KeyProof[]>
}
