import type { AccessProof, AdoptedProof, ProofDemand } from '../access/proof.ts'
import { NothingNew } from '../access/proof.ts'
import type { AccessProver } from '../access/prover.ts'
import type { AccessShare, CutReport } from '../access/share.ts'
import type { Clock, Timer } from '../keyring/clock.ts'
import type { KeyArea } from '../keyring/key-area.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from '../keyring/key-service.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { FleetExchange, FleetListener } from './exchange.ts'
import { Interest } from './interest.ts'
import type { Mark } from './mark.ts'
import { MarkBook } from './mark.ts'
import type { FleetMessage } from './message.ts'
import { KEY_IDS_MAX } from './message.ts'
import { News } from './news.ts'
import type { KnownProof } from './news.ts'
import type { FleetObserver } from './observer.ts'

/** The access control of this replica, as far as others may speak to it. */
export interface AccessReceiver {
  adoptProof(authorityId: string, proof: AdoptedProof): boolean
  adoptDenied(authorityId: string): void
  adoptSuspension(suspension: Suspension, provenAtMs: number): void
  reconcile(open: readonly Suspension[]): void
}

/** Collaborators and limits of `SharedProver`. */
export interface SharedProverOptions {
  /** Asks AWS. */
  readonly prover: AccessProver
  readonly exchange: FleetExchange
  readonly clock: Clock
  /** Identifiers of an authority's keys in use in this process; the keyring's. */
  readonly inUse: (authorityId: string, withinMs: number) => readonly string[]
  readonly revocationBoundMs: number
  readonly idleAfterMs: number
  /** What the registry has open, read anew: asked for after a time in which messages may have been missed. */
  readonly openSuspensions: () => Promise<readonly Suspension[]>
  /** Takes the evidence of cuts. */
  readonly cut?: (report: CutReport) => void
  readonly observe?: FleetObserver
}

/** Shares of the revocation bound. */
const HOLD_SHARE = 0.3
/** How long news of another's proof are waited for; then of whoever takes it over. */
const WAIT_SHARES = [0.1, 0.05] as const
/** Older proofs of others are renewed rather than used for what is left of them. */
const REUSE_SHARE = 0.8
const WITNESS_SHARE = 0.5
const TICK_SHARE = 0.02
const MARKS_APART_SHARE = 0.01
/** Never so long that the first proof of another replica could not be placed. */
const IDLE_TICK_SHARE = 0.2
const PROBE_HOLD_MS = 1_500
/** So many replicas without a verdict, and the others take their word for it: one alone may be cut off itself. */
const WITNESSES = 2

/**
 * Lets one replica at a time verify an authority for all. Whoever is not granted the verification waits a moment for
 * its outcome; whoever hears nothing, or cannot reach the others, verifies for itself. A proof of another replica
 * counts from an instant of this process's own clock that it certainly did not begin before.
 */
export class SharedProver implements AccessProver, AccessShare, FleetListener {
  readonly #options: SharedProverOptions
  readonly #marks: MarkBook
  readonly #news: News
  readonly #interest: Interest
  #receiver: AccessReceiver | undefined
  #tick: Timer | undefined
  #activeUntilMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: SharedProverOptions) {
    this.#options = options
    this.#marks = new MarkBook(MARKS_APART_SHARE * options.revocationBoundMs)
    this.#news = new News(options.clock, 2 * options.revocationBoundMs)
    this.#interest = new Interest(options.clock, options.idleAfterMs)
    options.exchange.listen(this)
    this.#ticking()
  }

  /** Says whom messages of other replicas are for. */
  tell(receiver: AccessReceiver): void {
    this.#receiver = receiver
  }

  /** Others place the start of a proof between two of their own marks, at the earlier one. */
  get leadMs(): number {
    return TICK_SHARE * this.#options.revocationBoundMs
  }

  placeOf(authorityId: string, keyId: string): Required<KeyArea> | undefined {
    return this.#options.prover.placeOf(authorityId, keyId)
  }

  async prove(authority: KeyAuthority, demand: ProofDemand): Promise<AccessProof> {
    this.#keepTicking()
    const { exchange, revocationBoundMs } = this.#options
    if (!demand.shareable) return this.#proveItself(authority, demand)
    const known = this.#news.proofOf(authority.id)
    const now = this.#options.clock.now()
    const oldestMs = Math.max(demand.newerThanMs, now - REUSE_SHARE * revocationBoundMs)
    if (known !== undefined && known.startedAtMs > oldestMs && demand.purpose === 'renew') {
      return this.#asProof(authority, known)
    }
    for (const [round, waitShare] of WAIT_SHARES.entries()) {
      if (!exchange.reachable) break
      const next = this.#news.next(authority.id, waitShare * revocationBoundMs)
      // Whoever was to verify and is not heard of may have died: of those who wait, one takes over.
      const holdShare = round === 0 ? HOLD_SHARE : WAIT_SHARES[0]
      const granted = await this.#claim(authority.id, demand, holdShare * revocationBoundMs)
      if (granted || demand.purpose === 'judge') next.forget()
      if (granted) break
      if (demand.purpose === 'judge') throw new NothingNew('another replica asks')
      const outcome = await next.outcome
      if (typeof outcome === 'object' && outcome.startedAtMs > demand.newerThanMs) {
        return this.#asProof(authority, outcome)
      }
      if (this.#news.witnesses(authority.id, WITNESS_SHARE * revocationBoundMs) >= WITNESSES) {
        throw new KeyServiceUnavailable('other replicas got no verdict')
      }
      if (outcome !== undefined) break
    }
    return this.#proveItself(authority, demand)
  }

  suspensionChanged(suspension: Suspension): void {
    const mark = this.#news.markOf(suspension.authorityId)
    this.#options.exchange.publish({ type: 'suspension', suspension, mark })
  }

  cut(report: CutReport): void {
    this.#options.cut?.(report)
  }

  received(message: FleetMessage, from: string): void {
    if (this.#closed) return
    switch (message.type) {
      case 'proof':
        this.#receiveProof(message)
        break
      case 'denied':
        this.#news.denied(message.authorityId)
        this.#receiver?.adoptDenied(message.authorityId)
        break
      case 'unanswered':
        this.#news.unanswered(message.authorityId, from)
        break
      case 'suspension': {
        const { suspension, mark } = message
        const provenAtMs = mark === undefined ? Number.NEGATIVE_INFINITY : this.#marks.notBefore(mark)
        if (suspension.endedAt === undefined) this.#news.forgetProof(suspension)
        this.#receiver?.adoptSuspension(suspension, provenAtMs)
        break
      }
      case 'interest':
        this.#interest.note(message.authorityId, message.keyIds)
        break
    }
  }

  resumed(): void {
    this.#options.openSuspensions().then(
      (open) => this.#receiver?.reconcile(open),
      // The registry is out of reach: the connection will be lost, and resumed, once more.
      () => undefined,
    )
  }

  /** Ends the timers. The exchange is its owner's to close. */
  close(): void {
    this.#closed = true
    this.#tick?.cancel()
    this.#tick = undefined
  }

  async #claim(authorityId: string, demand: ProofDemand, holdMs: number): Promise<boolean> {
    const { exchange, clock } = this.#options
    const askedAtMs = clock.now()
    try {
      const { granted, mark } = await exchange.claim(
        authorityId,
        demand.purpose === 'judge' ? PROBE_HOLD_MS : holdMs,
      )
      this.#marks.note(mark, askedAtMs)
      if (granted) this.#news.noteMark(authorityId, mark)
      this.#options.observe?.(granted ? 'granted' : 'held')
      return granted
    } catch {
      this.#options.observe?.('unanswered')
      return true
    }
  }

  /** Verifies, and tells the others what came of it. */
  async #proveItself(authority: KeyAuthority, demand: ProofDemand): Promise<AccessProof> {
    const { prover, exchange, clock } = this.#options
    const authorityId = authority.id
    const mark =
      this.#news.takeMark(authorityId) ?? (exchange.reachable ? await this.#freshMark() : undefined)
    const inUse = [...new Set([...demand.inUse, ...this.#interest.of(authorityId)])]
    try {
      const proof = await prover.prove(authority, { ...demand, inUse, askedAtMs: clock.now() })
      if (mark !== undefined) this.#publishProof(authorityId, mark, proof)
      return proof
    } catch (thrown) {
      if (thrown instanceof KeyAccessDenied && mark !== undefined) {
        exchange.publish({ type: 'denied', authorityId, mark })
      } else {
        exchange.publish({ type: 'unanswered', authorityId })
      }
      throw thrown
    }
  }

  #publishProof(authorityId: string, mark: Mark, { verdicts, speaksForAll }: AccessProof): void {
    const { exchange } = this.#options
    const proven = verdicts.flatMap(({ keyId, failure }) => (failure === undefined ? keyId : []))
    this.#news.noteProven(authorityId, mark)
    const denied = verdicts.some(({ failure }) => failure instanceof KeyAccessDenied)
    if (denied) exchange.publish({ type: 'denied', authorityId, mark })
    // Where something was denied, how far that reaches is still to be judged: nobody is told that the rest is proven.
    else if (proven.length === 0) exchange.publish({ type: 'unanswered', authorityId })
    else {
      const keyIds = speaksForAll ? 'all' : proven.slice(0, KEY_IDS_MAX)
      exchange.publish({ type: 'proof', authorityId, mark, keyIds })
    }
  }

  /** A mark given out now; undefined where there is no answer in good time. */
  async #freshMark(): Promise<Mark | undefined> {
    const { exchange, clock } = this.#options
    const askedAtMs = clock.now()
    try {
      const mark = await exchange.tick()
      this.#marks.note(mark, askedAtMs)
      return mark
    } catch {
      return undefined
    }
  }

  #receiveProof(message: FleetMessage & { type: 'proof' }): void {
    const { authorityId, mark, keyIds } = message
    const proof: KnownProof = { startedAtMs: this.#marks.notBefore(mark), keyIds }
    if (!Number.isFinite(proof.startedAtMs)) return
    this.#news.proven(authorityId, proof)
    const proven = keyIds === 'all' ? undefined : new Set(keyIds)
    const adopted = this.#receiver?.adoptProof(authorityId, {
      startedAtMs: proof.startedAtMs,
      isProven: (keyId) => proven?.has(keyId) ?? true,
    })
    if (adopted !== true) return
    this.#options.observe?.('shared')
    this.#keepTicking()
    if (proven === undefined) return
    const used = this.#options.inUse(authorityId, this.#options.idleAfterMs)
    const wanted = this.#interest.toAnnounce(authorityId, used, proven)
    for (let at = 0; at < wanted.length; at += KEY_IDS_MAX) {
      const some = wanted.slice(at, at + KEY_IDS_MAX)
      this.#options.exchange.publish({ type: 'interest', authorityId, keyIds: some })
    }
  }

  /** Another replica's proof as if it were this one's own. */
  #asProof(authority: KeyAuthority, { startedAtMs, keyIds }: KnownProof): AccessProof {
    const places = (keyIds === 'all' ? [] : keyIds).flatMap((keyId) => {
      const place = this.placeOf(authority.id, keyId)
      if (place === undefined) return []
      const { site, app, dataClass } = place
      return { keyId, site, app, dataClass, failure: undefined }
    })
    this.#options.observe?.('shared')
    // A proof by keys that this replica has not heard of yet proves access all the same.
    const unknown = { keyId: '', site: '', app: 'jira', dataClass: 'issue', failure: undefined } as const
    const verdicts = places.length === 0 ? [unknown] : places
    return { startedAtMs, verdicts, speaksForAll: keyIds === 'all', adopted: true }
  }

  /** Proofs of others matter now: marks are asked for often. */
  #keepTicking(): void {
    const { clock, idleAfterMs } = this.#options
    const now = clock.now()
    const wasIdle = now >= this.#activeUntilMs
    this.#activeUntilMs = now + idleAfterMs
    if (!wasIdle) return
    this.#tick?.cancel()
    this.#ticking()
  }

  readonly #ticking = (): void => {
    if (this.#closed) return
    const { clock, revocationBoundMs } = this.#options
    const now = clock.now()
    const apartMs = (now < this.#activeUntilMs ? TICK_SHARE : IDLE_TICK_SHARE) * revocationBoundMs
    const dueInMs = this.#marks.newestAtMs + apartMs - now
    // Asked also while nobody answers: the first answer is how this replica learns that the others are there again.
    if (dueInMs <= 0) void this.#freshMark()
    this.#tick = clock.setTimer(this.#ticking, dueInMs <= 0 ? apartMs : dueInMs)
  }
}
