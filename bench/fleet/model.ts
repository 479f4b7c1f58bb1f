import type { CutReport } from '../../src/access/share.ts'
import { MemoryMeeting } from '../../src/fleet/memory-exchange.ts'
import { Activity } from './activity.ts'
import type { Distribution } from './distribution.ts'
import { distribution } from './distribution.ts'
import { ModelClock } from './model-clock.ts'
import { ModelReplica } from './model-replica.ts'
import type { ModelFleet } from './model-replica.ts'
import { ModelWorld } from './model-world.ts'
import { seeded } from './random.ts'

/** What a fleet is put through. */
export interface Scenario {
  readonly name: string
  readonly tenants: number
  readonly replicas: number
  readonly keysPerTenant: number
  readonly requestsPerSecond: number
  /** Share of tenants whose working day it is. */
  readonly awakeShare: number
  readonly revocationBoundMs: number
  readonly idleAfterMs: number
  /** Percent of messages, questions and answers between the replicas that are lost. */
  readonly lossPercent: number
  /** A replica dies without a word and is replaced; 0 for never. */
  readonly crashEveryMs: number
  /** Withdrawals of access by customers, spread over the measured time. */
  readonly revocations: number
  /** Within so long after the withdrawal one replica is told by EventBridge; 0 for never. */
  readonly notifiedAfterMs: number
  /** Before anything is measured: longer than `idleAfterMs`, so that the number of active tenants has settled. */
  readonly warmUpMs: number
  readonly measuredMs: number
}

/** What came of a scenario. */
export interface ModelFigures {
  readonly activeTenants: number
  readonly kmsPerSecond: number
  readonly stsPerSecond: number
  readonly proofsPerActiveTenantAndBound: number
  readonly claimsPerSecond: number
  readonly messagesPublishedPerSecond: number
  readonly marksPerSecond: number
  /** Bytes of memory for each organization that a replica has served, what it heard of others included; 0 where memory cannot be measured. */
  readonly bytesPerLease: number
  /** Share of the requests that waited for AWS, or for another replica that did. */
  readonly waitedShare: number
  /** AssumeRole calls per bound for each tenant that asked within the last minute, whatever counts as idle. */
  readonly stsPerTenantOfTheMinuteAndBound: number
  readonly requestsAllowed: number
  readonly revocations: number
  readonly crashes: number
  /** From the withdrawal to the last response that any replica started. */
  readonly cutOff: Distribution
  /** From the withdrawal to the wiping of keys, each replica for itself. */
  readonly wiped: Distribution
  /** Responses that started after the bound. */
  readonly late: number
}

/** Requests of a tenant whose access is withdrawn, so that the last allowed use is seen to within some milliseconds. */
const WATCHED_REQUESTS_EVERY_MS = 20
const WATCHED_BEFORE_MS = 6_000
const MINUTE_MS = 60_000
/** Longer than the replicas need among themselves. */
const WAIT_MS_MIN = 10
const WATCHED_AFTER_BOUNDS = 1.6

interface Withdrawal {
  readonly tenant: number
  readonly atMs: number
  lastStartedMs: number
}

/** Runs one scenario to its end. */
export async function runModel(scenario: Scenario): Promise<ModelFigures> {
  return new Model(scenario).run()
}

class Model {
  readonly #scenario: Scenario
  readonly #random: () => number
  readonly #clock = new ModelClock()
  readonly #world: ModelWorld
  readonly #meeting: MemoryMeeting
  readonly #fleet: ModelFleet
  readonly #replicas: ModelReplica[] = []
  readonly #activity: Activity
  readonly #withdrawn = new Map<number, Withdrawal>()
  readonly #ended: Withdrawal[] = []
  readonly #wipedAfterMs: number[] = []
  readonly #lastAskedMs: Float64Array
  #started = 0
  #asked = 0
  #waited = 0
  #late = 0
  #names = 0
  #crashes = 0
  #published = 0

  constructor(scenario: Scenario) {
    const { tenants, keysPerTenant, replicas, lossPercent, revocationBoundMs, idleAfterMs } = scenario
    this.#scenario = scenario
    const random = (this.#random = seeded(7))
    this.#world = new ModelWorld(tenants, keysPerTenant, this.#clock, random)
    this.#meeting = new MemoryMeeting(this.#clock, {
      // Whole milliseconds, as the clock of the model has them.
      latencyMs: (of) => Math.ceil(of === 'question' ? 1 + 2 * random() : 1 + 8 * random()),
      loses: () => random() * 100 < lossPercent,
    })
    const spread = this.#meeting.spread.bind(this.#meeting)
    this.#meeting.spread = (message, from) => {
      this.#published += 1
      spread(message, from)
    }
    this.#fleet = {
      world: this.#world,
      meeting: this.#meeting,
      revocationBoundMs,
      idleAfterMs,
      random,
      cut: (_replica, report) => this.#cut(report),
    }
    for (let index = 0; index < replicas; index += 1) this.#replicas.push(this.#newReplica())
    this.#activity = new Activity(tenants, scenario.awakeShare, scenario.requestsPerSecond, random)
    this.#lastAskedMs = new Float64Array(tenants).fill(Number.NEGATIVE_INFINITY)
  }

  async run(): Promise<ModelFigures> {
    const { warmUpMs, measuredMs, revocationBoundMs, idleAfterMs, revocations } = this.#scenario
    const emptyBytes = heapBytes()
    await this.#pass(warmUpMs)
    const leases = this.#replicas.reduce((sum, { access }) => sum + access.statuses().length, 0)
    const bytesPerLease = Math.round((heapBytes() - emptyBytes) / leases)
    const before = this.#counts()
    const activeBefore = this.#active(idleAfterMs)
    const minuteBefore = this.#active(MINUTE_MS)
    this.#planRevocations(revocations, measuredMs)
    this.#planCrashes(measuredMs)
    await this.#pass(measuredMs)
    const after = this.#counts()
    const activeTenants = (activeBefore + this.#active(idleAfterMs)) / 2
    const minuteTenants = (minuteBefore + this.#active(MINUTE_MS)) / 2
    const seconds = measuredMs / 1000
    const rate = (of: keyof typeof after): number => (after[of] - before[of]) / seconds
    await Promise.all(this.#replicas.map((replica) => replica.crash()))
    return {
      activeTenants,
      kmsPerSecond: rate('kms'),
      stsPerSecond: rate('sts'),
      proofsPerActiveTenantAndBound: (rate('proofs') * revocationBoundMs) / 1000 / activeTenants,
      claimsPerSecond: rate('claims'),
      messagesPublishedPerSecond: rate('published'),
      marksPerSecond: rate('ticks'),
      bytesPerLease,
      waitedShare: (after.waited - before.waited) / (after.asked - before.asked),
      stsPerTenantOfTheMinuteAndBound: (rate('sts') * revocationBoundMs) / 1000 / minuteTenants,
      requestsAllowed: this.#started,
      revocations: this.#ended.length,
      crashes: this.#crashes,
      cutOff: distribution(this.#ended.map(({ atMs, lastStartedMs }) => Math.max(0, lastStartedMs - atMs))),
      wiped: distribution(this.#wipedAfterMs),
      late: this.#late,
    }
  }

  #counts() {
    return {
      ...this.#world.calls,
      ...this.#meeting.traffic,
      published: this.#published,
      asked: this.#asked,
      waited: this.#waited,
    }
  }

  /** Tenants with a request within the time after which they count as idle. */
  #active(idleAfterMs: number): number {
    const sinceMs = this.#clock.now() - idleAfterMs
    return this.#lastAskedMs.reduce((count, atMs) => count + (atMs > sinceMs ? 1 : 0), 0)
  }

  async #pass(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 1) {
      for (const tenant of this.#activity.next()) this.#request(tenant)
      await this.#clock.step()
    }
  }

  #request(tenant: number): void {
    this.#lastAskedMs[tenant] = this.#clock.now()
    const replica = this.#replicas[Math.floor(this.#random() * this.#replicas.length)]!
    this.#asked += 1
    const askedAtMs = this.#clock.now()
    replica.request(this.#world.tenants[tenant]!.app, () => {
      this.#started += 1
      if (this.#clock.now() - askedAtMs >= WAIT_MS_MIN) this.#waited += 1
      const withdrawal = this.#withdrawn.get(tenant)
      if (withdrawal === undefined) return
      const now = this.#clock.now()
      withdrawal.lastStartedMs = now
      if (now - withdrawal.atMs >= this.#scenario.revocationBoundMs) this.#late += 1
    })
  }

  #planRevocations(revocations: number, measuredMs: number): void {
    const { revocationBoundMs, tenants } = this.#scenario
    const lastsMs = WATCHED_BEFORE_MS + revocationBoundMs * WATCHED_AFTER_BOUNDS
    for (let index = 0; index < revocations; index += 1) {
      const atMs = this.#random() * Math.max(0, measuredMs - lastsMs)
      // Each tenant once: what is being restored is another matter.
      this.#clock.setTimer(() => this.#watch(tenants - 1 - index), atMs)
    }
  }

  /** Lets a tenant be busy on all replicas, then withdraws its access. */
  #watch(tenant: number): void {
    const { revocationBoundMs, notifiedAfterMs } = this.#scenario
    const untilMs = this.#clock.now() + WATCHED_BEFORE_MS + revocationBoundMs * WATCHED_AFTER_BOUNDS
    const { app } = this.#world.tenants[tenant]!
    const ask = (): void => {
      if (this.#clock.now() >= untilMs) {
        this.#ended.push(this.#withdrawn.get(tenant)!)
        this.#withdrawn.delete(tenant)
        return
      }
      this.#request(tenant)
      this.#clock.setTimer(ask, WATCHED_REQUESTS_EVERY_MS)
    }
    ask()
    this.#clock.setTimer(() => {
      const atMs = this.#clock.now()
      this.#world.denied.add(app.authority.id)
      this.#withdrawn.set(tenant, { tenant, atMs, lastStartedMs: Number.NEGATIVE_INFINITY })
      if (notifiedAfterMs === 0) return
      this.#clock.setTimer(() => {
        const replica = this.#replicas[Math.floor(this.#random() * this.#replicas.length)]!
        void replica.access.verifyNow(app.authority)
      }, this.#random() * notifiedAfterMs)
    }, WATCHED_BEFORE_MS)
  }

  #planCrashes(measuredMs: number): void {
    const { crashEveryMs } = this.#scenario
    if (crashEveryMs === 0) return
    for (let atMs = crashEveryMs; atMs < measuredMs; atMs += crashEveryMs) {
      this.#clock.setTimer(() => {
        const index = Math.floor(this.#random() * this.#replicas.length)
        this.#crashes += 1
        void this.#replicas[index]!.crash()
        this.#replicas[index] = this.#newReplica()
      }, atMs)
    }
  }

  #newReplica(): ModelReplica {
    this.#names += 1
    return new ModelReplica(`replica-${this.#names}`, this.#fleet)
  }

  #cut({ suspension: { authorityId } }: CutReport): void {
    const withdrawal = this.#withdrawn.get(Number(authorityId.slice(authorityId.lastIndexOf('-') + 1)))
    if (withdrawal !== undefined) this.#wipedAfterMs.push(this.#clock.now() - withdrawal.atMs)
  }
}

/** Bytes in use on the heap; 0 unless node was started with `--expose-gc`. */
function heapBytes(): number {
  if (globalThis.gc === undefined) return 0
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
