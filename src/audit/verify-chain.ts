import type { Verifier } from '../crypto/signature.ts'
import { anchorIsGenuine } from './anchor.ts'
import type { SignedAnchor } from './anchor.ts'
import { checkpointIsGenuine } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { expectedHash, GENESIS_HASH } from './row.ts'
import type { AuditRow } from './row.ts'

const PROBLEMS_MAX = 1_000
/** Hashes kept for checkpoints that come later than their row. */
const HASHES_KEPT_MAX = 100_000

/** What is wrong with a chain. */
export interface ChainProblem {
  readonly kind:
    | 'edited'
    | 'link-broken'
    | 'missing'
    | 'reordered'
    | 'duplicated'
    | 'foreign'
    | 'tail-missing'
    | 'checkpoint-mismatch'
    | 'checkpoint-forged'
    | 'anchor-forged'
    | 'anchor-mismatch'
  /** Sequence number of the row concerned; the first one of a gap. */
  readonly sequence: number
  readonly detail: string
}

/** The result of a verification. */
export interface ChainVerification {
  readonly ok: boolean
  readonly chain: string | undefined
  readonly rows: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly checkpoints: number
  /** Rows up to here are covered by a genuine checkpoint; changes after it show only in the chain itself. */
  readonly signedUpTo: number
  /** Rows up to here were removed under the retention, as a genuine anchor says; 0 when none were. */
  readonly prunedUpTo: number
  /** At most 1,000. */
  readonly problems: readonly ChainProblem[]
}

/** Options of {@link verifyChain}. */
export interface VerifyChainOptions {
  /** Checkpoints kept elsewhere, for example received by webhook: they show removals that took the store's along. */
  readonly checkpoints?: readonly SignedCheckpoint[]
  /** The rows are a part of the chain: the first one's link is taken on trust. */
  readonly segment?: boolean
}

type Entry = AuditRow | SignedCheckpoint | SignedAnchor

/**
 * Proves that the rows of ONE chain are exactly what was appended: recomputes every hash and link, and compares
 * with every genuine checkpoint, and with the anchor where older rows were removed. Takes rows, checkpoints and
 * anchors in any mixture, as an export has them.
 */
export async function verifyChain(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  publicKeys: readonly Verifier[],
  options: VerifyChainOptions = {},
): Promise<ChainVerification> {
  const walk = new ChainWalk(publicKeys, options.segment === true)
  for (const checkpoint of options.checkpoints ?? []) walk.checkpoint(checkpoint)
  for await (const entry of entries) {
    if ('event' in entry) walk.row(entry)
    else if ('removedBefore' in entry) walk.anchor(entry)
    else walk.checkpoint(entry)
  }
  return walk.result()
}

class ChainWalk {
  readonly #verifiers: readonly Verifier[]
  readonly #segment: boolean
  readonly #problems: ChainProblem[] = []
  /** Ranges not seen yet: first sequence number -> last. */
  readonly #gaps = new Map<number, number>()
  readonly #hashes = new Map<number, string>()
  readonly #checkpoints = new Map<number, SignedCheckpoint>()
  #chain: string | undefined
  #anchor: SignedAnchor | undefined
  #rows = 0
  #first = 0
  #firstLink = GENESIS_HASH
  #last = 0
  #lastHash = GENESIS_HASH
  #signedUpTo = 0

  constructor(verifiers: readonly Verifier[], segment: boolean) {
    this.#verifiers = verifiers
    this.#segment = segment
  }

  row(row: AuditRow): void {
    this.#rows += 1
    this.#chain ??= row.chain
    if (row.chain !== this.#chain) {
      this.#report('foreign', row.sequence, `row belongs to chain ${row.chain}`)
      return
    }
    if (expectedHash(row) !== row.hash) {
      this.#report('edited', row.sequence, 'the content does not match its hash')
    }
    if (this.#first === 0) this.#start(row)
    else this.#follow(row)
    this.#keepHash(row)
  }

  anchor(anchor: SignedAnchor): void {
    if (!anchorIsGenuine(anchor, this.#verifiers)) {
      this.#report('anchor-forged', anchor.sequence, `no known key signed this (key ${anchor.keyId})`)
    } else if (anchor.sequence > (this.#anchor?.sequence ?? 0)) this.#anchor = anchor
  }

  checkpoint(checkpoint: SignedCheckpoint): void {
    if (!checkpointIsGenuine(checkpoint, this.#verifiers)) {
      this.#report(
        'checkpoint-forged',
        checkpoint.sequence,
        `no known key signed this (key ${checkpoint.keyId})`,
      )
      return
    }
    this.#checkpoints.set(checkpoint.sequence, checkpoint)
  }

  result(): ChainVerification {
    if (this.#anchor !== undefined) this.#begin(this.#anchor)
    for (const [first, last] of this.#gaps) this.#reportGap(first, last)
    for (const checkpoint of [...this.#checkpoints.values()].sort((a, b) => a.sequence - b.sequence)) {
      this.#compare(checkpoint)
    }
    return {
      ok: this.#problems.length === 0,
      chain: this.#chain,
      rows: this.#rows,
      firstSequence: this.#first,
      lastSequence: this.#last,
      checkpoints: this.#checkpoints.size,
      signedUpTo: this.#signedUpTo,
      prunedUpTo: this.#anchor?.sequence ?? 0,
      problems: this.#problems,
    }
  }

  /** The rows up to the anchor may be absent; what is left must go on from it. */
  #begin(anchor: SignedAnchor): void {
    const { chain, sequence, hash } = anchor
    if (this.#chain !== undefined && chain !== this.#chain) {
      this.#report('foreign', sequence, `anchor belongs to chain ${chain}`)
      return
    }
    this.#chain = chain
    if (this.#rows === 0) this.#last = sequence
    const absent = this.#gaps.get(1)
    if (absent !== undefined) {
      this.#gaps.delete(1)
      if (absent > sequence) this.#gaps.set(sequence + 1, absent)
    }
    const known = this.#first === sequence + 1 ? this.#firstLink : this.#hashes.get(sequence)
    if (known !== undefined && known !== hash) {
      this.#report('anchor-mismatch', sequence, `signed at ${anchor.at} with another hash`)
    } else this.#signedUpTo = Math.max(this.#signedUpTo, sequence)
  }

  #start(row: AuditRow): void {
    this.#first = row.sequence
    this.#firstLink = row.previousHash
    this.#last = row.sequence
    this.#lastHash = row.hash
    if (this.#segment) return
    if (row.sequence > 1) this.#gaps.set(1, row.sequence - 1)
    else if (row.previousHash !== GENESIS_HASH) {
      this.#report('link-broken', row.sequence, 'the first row names a row before it')
    }
  }

  #follow(row: AuditRow): void {
    if (row.sequence <= this.#last) {
      this.#late(row)
      return
    }
    if (row.sequence > this.#last + 1) {
      this.#gaps.set(this.#last + 1, row.sequence - 1)
    } else if (row.previousHash !== this.#lastHash) {
      this.#report('link-broken', row.sequence, 'does not link to the row before it')
    }
    this.#last = row.sequence
    this.#lastHash = row.hash
  }

  /** A row behind the last one: out of its place when it fills a gap, else there twice. */
  #late(row: AuditRow): void {
    for (const [first, last] of this.#gaps) {
      if (row.sequence < first || row.sequence > last) continue
      this.#gaps.delete(first)
      if (row.sequence > first) this.#gaps.set(first, row.sequence - 1)
      if (row.sequence < last) this.#gaps.set(row.sequence + 1, last)
      this.#report('reordered', row.sequence, 'stands behind a later row')
      return
    }
    this.#report('duplicated', row.sequence, 'there is another row with this number')
  }

  #reportGap(first: number, last: number): void {
    const range = first === last ? `row ${first} is` : `rows ${first} to ${last} are`
    this.#report('missing', first, `${range} missing`)
  }

  #compare(checkpoint: SignedCheckpoint): void {
    const { sequence } = checkpoint
    if (this.#chain !== undefined && checkpoint.chain !== this.#chain) {
      this.#report('foreign', sequence, `checkpoint belongs to chain ${checkpoint.chain}`)
    } else if (sequence > this.#last) {
      const detail = `a checkpoint of ${checkpoint.at} covers row ${sequence}, the last row here is ${this.#last}`
      this.#report('tail-missing', this.#last + 1, detail)
    } else if (this.#hashes.has(sequence)) {
      if (this.#hashes.get(sequence) === checkpoint.hash)
        this.#signedUpTo = Math.max(this.#signedUpTo, sequence)
      else this.#report('checkpoint-mismatch', sequence, `signed at ${checkpoint.at} with another hash`)
    }
  }

  #keepHash(row: AuditRow): void {
    this.#hashes.set(row.sequence, row.hash)
    if (this.#hashes.size <= HASHES_KEPT_MAX) return
    const oldest = this.#hashes.keys().next().value!
    const checkpoint = this.#checkpoints.get(oldest)
    if (checkpoint !== undefined) {
      this.#compare(checkpoint)
      this.#checkpoints.delete(oldest)
    }
    this.#hashes.delete(oldest)
  }

  #report(kind: ChainProblem['kind'], sequence: number, detail: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ kind, sequence, detail })
  }
}
