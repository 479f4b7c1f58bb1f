import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { EndedProcess } from '../composition/cut-evidence.ts'
import type { Settings } from '../composition/settings.ts'
import { ProcessMeeting } from '../fleet/process-meeting.ts'
import { systemClock } from '../keyring/clock.ts'
import type { Logger } from '../observability/logger.ts'
import { BackOff } from './back-off.ts'
import { Measurement } from './measurement.ts'
import type { Addresses, FromProcess } from './messages.ts'
import { replicaName } from './name.ts'
import { type ProcessEnd, ProcessSlot } from './process-slot.ts'
import { settingsAt } from './settings-at.ts'

/** What a replica of several processes is made from. */
export interface SupervisorOptions {
  readonly settings: Settings
  /** At least 2. */
  readonly processes: number
  /** Starts a process with a channel, which then joins by `Membership.join`. */
  readonly fork: () => ChildProcess
  readonly logger: Logger
}

interface Place {
  readonly slot: ProcessSlot
  readonly backOff: BackOff
  predecessor: EndedProcess | undefined
  restart: NodeJS.Timeout | undefined
}

interface Starting {
  readonly places: readonly Place[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The parent of a replica's processes: starts them, lets them meet, and starts anew what ends. It holds no key, and no
 * request passes through it: the processes share the port, and the kernel gives each its connections.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #name = replicaName()
  readonly #places: readonly Place[]
  readonly #meeting = new ProcessMeeting(systemClock())
  readonly #measurement: Measurement
  #addresses: Addresses | undefined
  #starting: Starting | undefined
  #stopping: (() => void) | undefined

  private constructor(options: SupervisorOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.processes }, (_, index) => this.#place(index + 1))
    this.#measurement = new Measurement(
      () => this.#serving.length,
      (id) => this.#serving.map((slot) => (slot.send({ type: 'measure', id }), slot.name)),
    )
  }

  /** Resolves when all processes serve. Rejects when one of them ends before, and then none is left. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options)
    const [first, ...others] = supervisor.#places
    try {
      for (const { slot } of supervisor.#places) slot.launch()
      // The first one brings the registry up to date and chooses ports that are left open.
      await supervisor.#untilServing([first!])
      await supervisor.#untilServing(others)
    } catch (thrown) {
      await supervisor.stop()
      throw thrown
    }
    return supervisor
  }

  get addresses(): Addresses {
    return this.#addresses!
  }

  /** Has every process drain; resolves when all have ended. */
  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#stopping = resolve
    })
    for (const { slot, restart } of this.#places) {
      clearTimeout(restart)
      slot.send({ type: 'drain' })
    }
    this.#endIfAllEnded()
    await ended
  }

  get #serving(): ProcessSlot[] {
    return this.#places.flatMap(({ slot }) => (slot.serving ? slot : []))
  }

  #untilServing(places: readonly Place[]): Promise<void> {
    const served = new Promise<void>((resolve, reject) => {
      this.#starting = { places, resolve, reject }
    })
    for (const place of places) this.#give(place)
    return served.finally(() => {
      this.#starting = undefined
    })
  }

  #place(position: number): Place {
    const slot: ProcessSlot = new ProcessSlot(position, this.#options.fork, {
      served: (addresses, pid) => this.#served(slot, addresses, pid),
      said: (message, from) => this.#said(slot, message, from),
      ended: (end) => this.#ended(place, end),
    })
    const place: Place = { slot, backOff: new BackOff(), predecessor: undefined, restart: undefined }
    return place
  }

  #give({ slot, predecessor }: Place): void {
    slot.give({
      type: 'start',
      name: `${this.#name}-${slot.position}-${randomBytes(2).toString('hex')}`,
      position: slot.position,
      processes: this.#options.processes,
      predecessor,
      settings: settingsAt(this.#options.settings, this.#addresses),
    })
  }

  #served({ name, position }: ProcessSlot, addresses: Addresses, pid: number | undefined): void {
    this.#options.logger.info('a process serves', { position, name, pid })
    this.#addresses ??= addresses
    this.#tellCompleteness()
    const starting = this.#starting
    if (starting?.places.every(({ slot }) => slot.serving) === true) starting.resolve()
  }

  #said(slot: ProcessSlot, message: Exclude<FromProcess, { type: 'joined' | 'ready' }>, from: string): void {
    switch (message.type) {
      case 'fleet':
        this.#meeting.receive(message.message, from, (answer) =>
          slot.send({ type: 'fleet', message: answer }),
        )
        break
      case 'measured':
        this.#measurement.take(message.id, from, message.values)
        break
      case 'metrics-wanted':
        void this.#measurement.text().then((text) => slot.send({ type: 'metrics', id: message.id, text }))
        break
    }
  }

  #ended(place: Place, { name, pid, code, signal, servedMs }: ProcessEnd): void {
    const { position } = place.slot
    this.#meeting.leave(name)
    if (this.#stopping !== undefined) {
      this.#endIfAllEnded()
      return
    }
    this.#measurement.ended(name)
    this.#tellCompleteness()
    if (this.#starting !== undefined) {
      this.#starting.reject(new Error(`process ${position} could not be started`))
      return
    }
    place.predecessor = { name, endedAt: new Date().toISOString() }
    const restartsInMs = place.backOff.next(servedMs)
    this.#options.logger.error('a process ended, and is started again', {
      position,
      name,
      pid,
      code,
      signal,
      restartsInMs,
    })
    place.restart = setTimeout(() => {
      place.slot.launch()
      this.#give(place)
    }, restartsInMs)
  }

  #tellCompleteness(): void {
    const complete = this.#serving.length === this.#options.processes
    for (const slot of this.#serving) slot.send({ type: 'completeness', complete })
  }

  #endIfAllEnded(): void {
    if (this.#places.every(({ slot }) => !slot.running)) this.#stopping?.()
  }
}
