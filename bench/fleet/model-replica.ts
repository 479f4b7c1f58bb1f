import { AccessControl } from '../../src/access/access-control.ts'
import type { Lease } from '../../src/access/lease.ts'
import type { CutReport } from '../../src/access/share.ts'
import type { MemoryMeeting } from '../../src/fleet/memory-exchange.ts'
import { MemoryExchange } from '../../src/fleet/memory-exchange.ts'
import { SharedProver } from '../../src/fleet/shared-prover.ts'
import type { TenantApp } from '../../src/tenant/tenant.ts'
import type { ModelWorld } from './model-world.ts'
import { ReplicaClock } from './replica-clock.ts'

/** What a replica of the model is part of. */
export interface ModelFleet {
  readonly world: ModelWorld
  readonly meeting: MemoryMeeting
  readonly revocationBoundMs: number
  readonly idleAfterMs: number
  readonly random: () => number
  readonly cut: (replica: string, report: CutReport) => void
}

/** One replica: the real access control and the real sharing of proofs. */
export class ModelReplica {
  readonly name: string
  readonly access: AccessControl
  readonly #clock: ReplicaClock
  readonly #exchange: MemoryExchange
  readonly #shared: SharedProver

  constructor(name: string, fleet: ModelFleet) {
    const { world, meeting, revocationBoundMs, idleAfterMs, random } = fleet
    this.name = name
    this.#clock = new ReplicaClock(meeting.clock, Math.floor(random() * 1_000_000_000))
    this.#exchange = new MemoryExchange(meeting, name)
    const inUse = (authorityId: string): readonly string[] =>
      world.tenants[Number(authorityId.slice(authorityId.lastIndexOf('-') + 1))]!.keyIds
    this.#shared = new SharedProver({
      prover: world.prover(),
      exchange: this.#exchange,
      clock: this.#clock,
      inUse,
      revocationBoundMs,
      idleAfterMs,
      openSuspensions: () => Promise.resolve(world.open()),
      cut: (report) => fleet.cut(name, report),
    })
    this.access = new AccessControl({
      prover: this.#shared,
      share: this.#shared,
      keys: {
        wipeAuthority: (authorityId) => inUse(authorityId).length,
        reopenAuthority: () => undefined,
        wipeArea: () => 0,
        reopenArea: () => undefined,
        inUse,
        proven: () => undefined,
        reportDenialsTo: () => undefined,
      },
      suspensions: world,
      audit: { record: () => undefined },
      clock: this.#clock,
      revocationBoundMs,
      idleAfterMs,
      random,
    })
    this.#shared.tell(this.access)
  }

  /** One request; calls back once a response would be started, not at all when it is refused. */
  request(app: TenantApp, started: () => void): void {
    const start = (lease: Lease): void => {
      // A dead process answers nobody.
      if (!this.#clock.running) return
      lease.assertValid()
      started()
    }
    try {
      const lease = this.access.admit(app)
      if (lease instanceof Promise) {
        lease.then(start).catch(() => undefined)
        return
      }
      start(lease)
    } catch {
      // refused
    }
  }

  /** The process dies: no timer fires any more, nothing is sent or received. */
  async crash(): Promise<void> {
    this.#clock.stop()
    this.#shared.close()
    await this.#exchange.close()
  }
}
