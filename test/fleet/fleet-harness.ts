import { ReplicaClock } from '../../bench/fleet/replica-clock.ts'
import { AccessControl } from '../../src/access/access-control.ts'
import type { Lease } from '../../src/access/lease.ts'
import type { CutReport } from '../../src/access/share.ts'
import { MemoryExchange, MemoryMeeting } from '../../src/fleet/memory-exchange.ts'
import type { MemoryNetwork } from '../../src/fleet/memory-exchange.ts'
import { SharedProver } from '../../src/fleet/shared-prover.ts'
import type { DenialHandler } from '../../src/keyring/denial.ts'
import type { KeyAuthority, TenantApp } from '../../src/tenant/tenant.ts'
import { AUTHORITY, MemorySuspensions, nameOf } from '../access/access-harness.ts'
import { ScriptedProver } from '../access/scripted-prover.ts'
import { FakeClock } from '../keyring/fake-clock.ts'
import { RecordingAudit } from '../kms/recording-audit.ts'

/** One replica of a fleet in a scripted world. */
export class Replica {
  readonly name: string
  readonly clock: ReplicaClock
  readonly exchange: MemoryExchange
  readonly shared: SharedProver
  readonly access: AccessControl
  readonly wiped = new Map<string, () => Error>()
  readonly wipedAreas = new Map<string, () => Error>()
  readonly cuts: CutReport[] = []
  readonly audit = new RecordingAudit()
  inUse: string[] = []
  proven: string[] = []
  /** Proofs of others that the lease came to rest on. */
  adopted = 0
  denials: DenialHandler | undefined

  constructor(name: string, fleet: Fleet) {
    this.name = name
    this.clock = new ReplicaClock(fleet.clock, 1_000_003 * (fleet.replicas.length + 1))
    this.exchange = new MemoryExchange(fleet.meeting, name)
    const deliver = this.exchange.deliver.bind(this.exchange)
    this.exchange.deliver = (message, from) => this.clock.run(() => deliver(message, from))
    this.shared = new SharedProver({
      prover: {
        placeOf: (authorityId, keyId) => fleet.prover.placeOf(authorityId, keyId),
        prove: async (authority, demand) => {
          fleet.verifications.push({ by: name, atMs: fleet.clock.now(), purpose: demand.purpose })
          const proof = await fleet.prover.prove(authority, { ...demand, askedAtMs: fleet.clock.now() })
          return { ...proof, startedAtMs: demand.askedAtMs }
        },
      },
      exchange: this.exchange,
      clock: this.clock,
      inUse: () => this.inUse,
      revocationBoundMs: 5_000,
      idleAfterMs: 60_000,
      cut: (report) => this.cuts.push(report),
      openSuspensions: async () => fleet.suspensions.open(),
    })
    this.access = new AccessControl({
      prover: this.shared,
      share: this.shared,
      keys: {
        wipeAuthority: (id, refusal) => {
          this.wiped.set(id, refusal)
          return 1
        },
        reopenAuthority: (id) => void this.wiped.delete(id),
        wipeArea: (_id, area, refusal) => {
          this.wipedAreas.set(nameOf(area), refusal)
          return 1
        },
        reopenArea: (_id, area) => void this.wipedAreas.delete(nameOf(area)),
        inUse: () => this.inUse,
        proven: (_id, _startedAtMs, isProven) => {
          this.proven = fleet.prover.keys.filter((keyId) => isProven(keyId))
        },
        reportDenialsTo: (handler) => {
          this.denials = handler
        },
      },
      suspensions: fleet.suspensions,
      audit: this.audit,
      clock: this.clock,
      random: fleet.random,
    })
    this.shared.tell({
      adoptProof: (authorityId, proof) => {
        const adopted = this.access.adoptProof(authorityId, proof)
        if (adopted) this.adopted += 1
        return adopted
      },
      adoptDenied: (authorityId) => this.access.adoptDenied(authorityId),
      adoptSuspension: (suspension, provenAtMs) => this.access.adoptSuspension(suspension, provenAtMs),
      reconcile: (open) => this.access.reconcile(open),
    })
  }

  /** One request; true when it was allowed. */
  async request(subject: KeyAuthority | TenantApp = AUTHORITY): Promise<boolean> {
    try {
      const lease: Lease = await this.access.admit(subject)
      lease.assertValid()
      return true
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    this.shared.close()
    await this.access.close()
    await this.exchange.close()
  }
}

/** Several replicas, one world. */
export class Fleet {
  readonly clock = new FakeClock()
  readonly prover = new ScriptedProver(this.clock)
  readonly meeting: MemoryMeeting
  readonly suspensions = new MemorySuspensions()
  readonly replicas: Replica[] = []
  readonly verifications: { by: string; atMs: number; purpose: string }[] = []
  readonly random: () => number

  constructor(replicas: number, network?: MemoryNetwork, random: () => number = () => 0.5) {
    this.random = random
    this.meeting = new MemoryMeeting(this.clock, network)
    for (let index = 0; index < replicas; index += 1) {
      this.replicas.push(new Replica(`replica-${index}`, this))
    }
  }

  /** Lets requests come to the given replicas for a while. */
  async serve(
    durationMs: number,
    everyMs = 100,
    replicas: readonly Replica[] = this.replicas,
  ): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += everyMs) {
      for (const replica of replicas) void replica.request()
      await this.clock.advance(everyMs)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()))
  }
}
