import { PortcullisError } from '../errors.ts'
import { timestamp } from '../keyring/clock.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { KeyAuthority, TenantApp } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { AccessState } from './authority-access.ts'
import { AuthorityAccess } from './authority-access.ts'
import { Agenda } from './agenda.ts'
import { Backoff } from './backoff.ts'
import type { Lease } from './lease.ts'
import type { AccessOptions } from './options.ts'
import { accessTimes } from './options.ts'
import type { AdoptedProof } from './proof.ts'
import { RoundTrip } from './round-trip.ts'
import { SuspensionJournal } from './suspension-journal.ts'

/** Where an authority stands, for the admin plane and metrics. */
export interface AccessStatus {
  readonly authorityId: string
  readonly state: AccessState
  /** The suspension of the whole organization. */
  readonly suspension: Suspension | undefined
  /** Every open suspension, the widest first; those of single apps or kinds of content too. */
  readonly suspensions: readonly Suspension[]
  /** RFC 3339; last successful verification by this process. */
  readonly verifiedAt: string | undefined
  readonly leaseAgeMs: number | undefined
  readonly transfers: number
}

/**
 * Decides who may be served: a lease per authority, renewed by verification in the background, taken away at the
 * first denial. Cut-off comes at most one revocation bound after the withdrawal, whatever else is lost.
 */
export class AccessControl {
  readonly #context: AccessContext
  readonly #accesses = new Map<string, AuthorityAccess>()
  /** Suspensions found at start, of authorities not seen yet. */
  readonly #found = new Map<string, Suspension[]>()

  constructor(options: AccessOptions) {
    const roundTrips = new Map<string, RoundTrip>()
    const times = accessTimes(options)
    const random = options.random ?? Math.random
    this.#context = {
      options,
      times,
      agenda: new Agenda(options.clock),
      journal: new SuspensionJournal(options.suspensions, options.clock, (error) =>
        options.observe?.persistenceFailed?.(error),
      ),
      roundTripOf: (location) => {
        const known = roundTrips.get(location) ?? new RoundTrip()
        roundTrips.set(location, known)
        return known
      },
      backoff: {
        serving: new Backoff(times.retryPauseMs, times.retryPauseMsMax, random),
        refusing: new Backoff(times.retryPauseMs, times.revocationBoundMs, random),
        probing: new Backoff(times.probeIntervalMsMin, times.probeIntervalMsMax, random),
      },
      tenureByApp: new WeakMap(),
      random,
    }
    for (const suspension of options.suspensions.open()) this.#remember(suspension)
    options.keys.reportDenialsTo({
      unwrapDenied: (authority, denied, keyId) => this.#accessOf(authority).deny(denied, keyId),
      wrapDenied: (authority, denied) => {
        void this.#accessOf(authority).verify()
        return new PortcullisError(
          'key-service-unavailable',
          'the encryption key does not allow kms:Encrypt for this kind of content',
          { cause: denied, retryAfterSeconds: 5 },
        )
      },
    })
  }

  /**
   * The lease to serve an app under. Synchronous while it is valid; a promise when a verification must be awaited.
   * Throws or rejects with `TenantSuspended` or `key-service-unavailable`. A caller that names only the authority is
   * refused while any of its apps or kinds of content is suspended.
   */
  admit(subject: TenantApp | KeyAuthority): Lease | Promise<Lease> {
    if ('authority' in subject) return this.#accessOf(subject.authority).admit(subject)
    return this.#accessOf(subject).admit(undefined)
  }

  /** Makes authorities known, so that suspended ones are probed although nobody asks for them. */
  track(authorities: Iterable<KeyAuthority>): void {
    for (const authority of authorities) this.#accessOf(authority)
  }

  /** Verifies an authority now, for instance on a notification; resolves to where it stands then. */
  async verifyNow(authority: KeyAuthority): Promise<AccessStatus> {
    const access = this.#accessOf(authority)
    await access.verify()
    return statusOf(access)
  }

  /** Suspends by an operator's decision; stands until lifted by one. */
  suspend(authority: KeyAuthority, by: string): Suspension {
    return this.#accessOf(authority).suspendByOperator(by)
  }

  /** Lifts an operator's suspension; false when there was none. Access is verified before anything is served. */
  lift(authority: KeyAuthority, by: string): boolean {
    return this.#accessOf(authority).liftByOperator(by)
  }

  /** Takes over a proof of another replica; false when the lease does not rest on it. */
  adoptProof(authorityId: string, proof: AdoptedProof): boolean {
    return this.#accesses.get(authorityId)?.adoptProof(proof) ?? false
  }

  /** Takes in that another replica was denied just now. */
  adoptDenied(authorityId: string): void {
    this.#accesses.get(authorityId)?.adoptDenied()
  }

  /** Takes over a suspension that another replica opened, changed or ended; `provenAtMs` as in `AccessProof`. */
  adoptSuspension(suspension: Suspension, provenAtMs: number): void {
    const access = this.#accesses.get(suspension.authorityId)
    if (access === undefined) this.#remember(suspension)
    else if (suspension.endedAt === undefined) access.adoptSuspension(suspension)
    else access.adoptLift(suspension, provenAtMs)
  }

  /**
   * Takes over what is open in the registry after a time in which messages of other replicas may have been missed.
   * Denials that ended meanwhile are found out by the next probe; an operator's is lifted where the registry has its end.
   */
  reconcile(open: readonly Suspension[]): void {
    for (const suspension of open) {
      if (this.#context.journal.isPending(suspension.id)) continue
      this.adoptSuspension(suspension, Number.NEGATIVE_INFINITY)
    }
    const ids = new Set(open.map(({ id }) => id))
    const endedAt = timestamp(this.#context.options.clock.wallTimeMs())
    for (const access of this.#accesses.values()) {
      for (const suspension of access.suspensions) {
        const gone = suspension.reason === 'operator' && !ids.has(suspension.id)
        if (gone && !this.#context.journal.isPending(suspension.id)) {
          access.adoptLift({ ...suspension, endedAt }, Number.NEGATIVE_INFINITY)
        }
      }
    }
  }

  /** Undefined for an authority that was neither tracked nor admitted yet. */
  status(authorityId: string): AccessStatus | undefined {
    const access = this.#accesses.get(authorityId)
    return access === undefined ? undefined : statusOf(access)
  }

  /** Of every authority known to this process. */
  statuses(): AccessStatus[] {
    return [...this.#accesses.values()].map((access) => statusOf(access))
  }

  /** Ends all leases and timers and waits for suspensions still being written. */
  async close(): Promise<void> {
    for (const access of this.#accesses.values()) access.close()
    await this.#context.journal.settled()
  }

  /** Keeps a suspension for an authority that was not seen here yet. */
  #remember(suspension: Suspension): void {
    const { id, authorityId, endedAt } = suspension
    const others = (this.#found.get(authorityId) ?? []).filter((found) => found.id !== id)
    if (endedAt === undefined) others.push(suspension)
    this.#found.set(authorityId, others)
  }

  #accessOf(authority: KeyAuthority): AuthorityAccess {
    let access = this.#accesses.get(authority.id)
    if (access === undefined) {
      access = new AuthorityAccess(authority, this.#context, this.#found.get(authority.id) ?? [])
      this.#found.delete(authority.id)
      this.#accesses.set(authority.id, access)
    } else if (access.authority !== authority) {
      access.authority = authority
    }
    return access
  }
}

function statusOf(access: AuthorityAccess): AccessStatus {
  return {
    authorityId: access.authority.id,
    state: access.state,
    suspension: access.suspensions.find(({ scope }) => scope === 'organization'),
    suspensions: access.suspensions,
    verifiedAt: access.verifiedAt,
    leaseAgeMs: access.leaseAgeMs,
    transfers: access.transfers,
  }
}
