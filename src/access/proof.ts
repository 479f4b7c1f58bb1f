import type { KeyArea } from '../keyring/key-area.ts'
import type { KeyProof } from '../keyring/key-service.ts'

/** What a verification asks to have proven. */
export interface ProofDemand {
  /**
   * `renew`: the keys in use, to carry a lease on. `judge`: some key of every kind of content in every region, to find
   * out what is denied and what is not.
   */
  readonly purpose: 'renew' | 'judge'
  /** True where another replica's proof, or its being under way, will do. */
  readonly shareable: boolean
  /** A shared proof that did not begin after this instant tells nothing. */
  readonly newerThanMs: number
  /**
   * To be called when the key service is being asked: from then on, and only then, silence counts as an outage. Waiting
   * for another replica never carries a lease on.
   */
  begun(): void
  /** When this was asked, on this process's monotonic clock. */
  readonly askedAtMs: number
  /** Keys that are in use in this process. */
  readonly inUse: readonly string[]
  /** Keys that were denied, to be asked for again while the authority has them. */
  readonly denied: readonly string[]
}

/** What a proof found out about one key. */
export interface KeyVerdict extends KeyProof, Required<KeyArea> {}

/** A proof that another replica published: when it began at the earliest, and which keys it proved. */
export interface AdoptedProof {
  /** As in `AccessProof`. */
  readonly startedAtMs: number
  isProven(keyId: string): boolean
}

/** What a verification found out. */
export interface AccessProof {
  /** Instant on this process's monotonic clock before which the proof did not begin. */
  readonly startedAtMs: number
  readonly verdicts: readonly KeyVerdict[]
  /** True where one key speaks for all: nobody can exclude part of the vendor's own keys. */
  readonly speaksForAll: boolean
  /** True when another replica made it and is expected to make the next. */
  readonly adopted?: boolean
}

/** Another replica asks just now, or has a moment ago: nothing is known that was not before. */
export class NothingNew extends Error {}
