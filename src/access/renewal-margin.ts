import type { RoundTrip } from './round-trip.ts'

/** Shares of the bound. The least keeps a polled cut-off well within it at whoever measures from outside, too. */
const SHARE_MIN = 0.1
const SHARE_MAX = 0.25
/** What is left of the caution after each proof. */
const CALMING = 0.75

/**
 * How long before the end of a lease its renewal begins: as late as proofs nearly always allow, since every renewal
 * that comes early costs calls; much earlier for a while after verifications of this authority had no verdict.
 */
export class RenewalMargin {
  readonly #boundMs: number
  /** Of all authorities whose keys lie in the same regions. */
  readonly #roundTrip: RoundTrip
  #cautionShare = 0

  constructor(boundMs: number, roundTrip: RoundTrip) {
    this.#boundMs = boundMs
    this.#roundTrip = roundTrip
  }

  get ms(): number {
    const neededShare = (this.#roundTrip.nearlyAlwaysMs ?? 0) / this.#boundMs
    const share = Math.max(neededShare, this.#cautionShare, SHARE_MIN)
    return Math.min(share, SHARE_MAX) * this.#boundMs
  }

  /** A proof by this process was answered. */
  answered(tookMs: number): void {
    // A process that stood still meanwhile says nothing of proofs.
    this.#roundTrip.observe(Math.min(tookMs, SHARE_MAX * this.#boundMs))
    this.#cautionShare *= CALMING
  }

  /** A verification had no verdict: with the margin at its most, one without an answer still ends before the lease. */
  unanswered(): void {
    this.#cautionShare = SHARE_MAX
  }
}
