import type { Service } from './call.ts'

/** Which calls a fault hits; an absent member matches all. */
export interface FaultScope {
  readonly service?: Service
  readonly region?: string
  readonly operation?: string
  /** The account whose credentials sign the call. */
  readonly accountId?: string
}

/**
 * A fault to inject. `throttle`: refuses calls above `ratePerSecond` (default 0: all). `latency`: adds
 * `latencyMs`. `error`: answers `status` (default 500). `reset`: resets the connection. `hang`: never answers.
 * `probability` (0 to 1, default 1) and `count` (first so many matching calls) narrow it further.
 */
export interface Fault extends FaultScope {
  readonly kind: 'throttle' | 'latency' | 'error' | 'reset' | 'hang'
  readonly ratePerSecond?: number
  readonly latencyMs?: number
  readonly status?: 500 | 503
  readonly probability?: number
  readonly count?: number
}

/** A fault as it stands, with its handle. */
export interface ActiveFault {
  readonly id: string
  readonly fault: Fault
  /** Calls it has hit. */
  readonly hits: number
}

/** What is to happen to one call. */
export interface FaultVerdict {
  readonly latencyMs: number
  readonly outcome: 'throttle' | 'error' | 'reset' | 'hang' | undefined
  readonly status: 500 | 503
}

const FAULTS_MAX = 100
const LATENCY_MS_MAX = 600_000

/** The faults switched on at present. */
export class Faults {
  readonly #active = new Map<string, { fault: Fault; hits: number; tokens: number; refilledAtMs: number }>()
  readonly #monotonicMs: () => number
  #next = 1

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs
  }

  /** Switches a fault on and returns its handle. Throws `RangeError` when it makes no sense. */
  add(fault: Fault): string {
    checkFault(fault)
    if (this.#active.size >= FAULTS_MAX) throw new RangeError(`at most ${FAULTS_MAX} faults at a time`)
    const id = `fault-${this.#next++}`
    const tokens = fault.ratePerSecond ?? 0
    this.#active.set(id, { fault: { ...fault }, hits: 0, tokens, refilledAtMs: this.#monotonicMs() })
    return id
  }

  /** Switches one fault off; false when there is none of that handle. */
  remove(id: string): boolean {
    return this.#active.delete(id)
  }

  /** Switches all faults off. */
  clear(): void {
    this.#active.clear()
  }

  /** The faults in force, oldest first. */
  list(): ActiveFault[] {
    return [...this.#active].map(([id, { fault, hits }]) => ({ id, fault, hits }))
  }

  /** Decides over one call; latencies add up, the first other outcome counts. */
  judge(call: Required<FaultScope>): FaultVerdict {
    let latencyMs = 0
    for (const active of this.#active.values()) {
      const { fault } = active
      if (!matches(fault, call) || active.hits >= (fault.count ?? Infinity)) continue
      if (Math.random() >= (fault.probability ?? 1)) continue
      if (fault.kind === 'throttle' && this.#takeToken(active)) continue
      active.hits++
      if (fault.kind === 'latency') latencyMs += fault.latencyMs ?? 0
      else return { latencyMs, outcome: fault.kind, status: fault.status ?? 500 }
    }
    return { latencyMs, outcome: undefined, status: 500 }
  }

  /** Token bucket of one second's worth of calls. */
  #takeToken(active: { fault: Fault; tokens: number; refilledAtMs: number }): boolean {
    const rate = active.fault.ratePerSecond ?? 0
    const nowMs = this.#monotonicMs()
    active.tokens = Math.min(rate, active.tokens + ((nowMs - active.refilledAtMs) / 1000) * rate)
    active.refilledAtMs = nowMs
    if (active.tokens < 1) return false
    active.tokens -= 1
    return true
  }
}

function matches(fault: Fault, call: Required<FaultScope>): boolean {
  return (
    (fault.service === undefined || fault.service === call.service) &&
    (fault.region === undefined || fault.region === call.region) &&
    (fault.operation === undefined || fault.operation === call.operation) &&
    (fault.accountId === undefined || fault.accountId === call.accountId)
  )
}

function checkFault(fault: Fault): void {
  const within = (value: number | undefined, min: number, max: number): boolean =>
    value === undefined || (Number.isFinite(value) && value >= min && value <= max)
  if (!['throttle', 'latency', 'error', 'reset', 'hang'].includes(fault.kind))
    throw new RangeError('unknown kind of fault')
  if (fault.kind === 'latency' && fault.latencyMs === undefined)
    throw new RangeError('latency needs latencyMs')
  if (!within(fault.latencyMs, 0, LATENCY_MS_MAX))
    throw new RangeError(`latencyMs must be 0 to ${LATENCY_MS_MAX}`)
  if (!within(fault.ratePerSecond, 0, 1e6)) throw new RangeError('ratePerSecond must be 0 to 1000000')
  if (!within(fault.probability, 0, 1)) throw new RangeError('probability must be 0 to 1')
  if (!within(fault.count, 1, Number.MAX_SAFE_INTEGER)) throw new RangeError('count must be 1 or more')
  if (fault.status !== undefined && fault.status !== 500 && fault.status !== 503)
    throw new RangeError('status must be 500 or 503')
}
