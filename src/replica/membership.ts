import type { MetricsText } from '../admin/metrics-route.ts'
import type { Settings } from '../composition/settings.ts'
import type { FromMeeting } from '../fleet/process-line.ts'
import type { MetricValues } from '../observability/merged-metrics.ts'
import type { Addresses, FromProcess, StartOrder, ToProcess } from './messages.ts'
import type { ReplicaPlace } from './place.ts'

/** A process's channel to its parent. */
export interface ParentChannel {
  /** Never throws. */
  send(message: FromProcess): void
  receive(listener: (message: ToProcess) => void): void
  /** Calls back when the parent has ended. */
  onEnd(listener: () => void): void
}

/** The parent did not say in time what the processes measure. */
const METRICS_TIMEOUT_MS = 5_000

/** A process's membership of a replica: what it is told, and what it tells. */
export class Membership {
  readonly place: ReplicaPlace
  readonly settings: Settings
  /** Resolves when the parent wants this process to end, or has ended itself. */
  readonly drainRequested: Promise<void>
  readonly #channel: ParentChannel
  readonly #awaited = new Map<number, (text: MetricsText) => void>()
  #heard: (message: FromMeeting) => void = () => undefined
  #measure: () => Promise<readonly MetricValues[]> = () => Promise.resolve([])
  #nextId = 1
  #complete = false

  private constructor(channel: ParentChannel, order: StartOrder, drainRequested: Promise<void>) {
    const { name, position, processes, predecessor, settings } = order
    this.#channel = channel
    this.settings = settings
    this.drainRequested = drainRequested
    this.place = {
      name,
      position,
      processes,
      predecessor,
      line: {
        send: (message) => channel.send({ type: 'fleet', message }),
        receive: (listener) => {
          this.#heard = listener
        },
      },
      complete: () => this.#complete,
      metrics: () => this.#metrics(),
    }
  }

  /** Waits for the order to start; undefined where there comes the one to end instead. */
  static async join(channel: ParentChannel): Promise<Membership | undefined> {
    let drain: () => void = () => undefined
    const drainRequested = new Promise<void>((resolve) => {
      drain = resolve
    })
    // without its parent nobody would start it anew, nor tell it to end
    channel.onEnd(drain)
    const ordered = new Promise<Membership>((resolve) => {
      let membership: Membership | undefined
      channel.receive((message) => {
        if (message.type === 'drain') drain()
        else if (message.type === 'start')
          resolve((membership = new Membership(channel, message, drainRequested)))
        else if (membership !== undefined) membership.#receive(message)
      })
      channel.send({ type: 'joined' })
    })
    return await Promise.race([ordered, drainRequested.then(() => undefined)])
  }

  /** Says that this process serves, and from then on answers what it measures. */
  ready(addresses: Addresses, measure: () => Promise<readonly MetricValues[]>): void {
    this.#measure = measure
    this.#channel.send({ type: 'ready', addresses })
  }

  #receive(message: Exclude<ToProcess, { type: 'drain' | 'start' }>): void {
    switch (message.type) {
      case 'completeness':
        this.#complete = message.complete
        break
      case 'measure':
        void this.#measure().then((values) =>
          this.#channel.send({ type: 'measured', id: message.id, values }),
        )
        break
      case 'metrics':
        this.#awaited.get(message.id)?.(message.text)
        break
      case 'fleet':
        this.#heard(message.message)
        break
    }
  }

  #metrics(): Promise<MetricsText> {
    const id = this.#nextId
    this.#nextId += 1
    return new Promise<MetricsText>((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.#awaited.delete(id)
        reject(new Error('the other processes did not say in time what they measure'))
      }, METRICS_TIMEOUT_MS)
      this.#awaited.set(id, (text) => {
        clearTimeout(timeout)
        this.#awaited.delete(id)
        resolve(text)
      })
      this.#channel.send({ type: 'metrics-wanted', id })
    })
  }
}
