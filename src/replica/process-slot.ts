import type { ChildProcess } from 'node:child_process'
import type { Addresses, FromProcess, StartOrder, ToProcess } from './messages.ts'

/** How a process ended. */
export interface ProcessEnd {
  readonly name: string
  readonly pid: number | undefined
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** How long it served; 0 when it never did. */
  readonly servedMs: number
}

/** What a slot tells its owner. */
export interface SlotEvents {
  readonly served: (addresses: Addresses, pid: number | undefined) => void
  readonly said: (message: Exclude<FromProcess, { type: 'joined' | 'ready' }>, name: string) => void
  readonly ended: (end: ProcessEnd) => void
}

/** One place of a replica and the process that is in it. */
export class ProcessSlot {
  readonly position: number
  readonly #fork: () => ChildProcess
  readonly #events: SlotEvents
  #child: ChildProcess | undefined
  #name = ''
  #joined = false
  #order: StartOrder | undefined
  #servingSince: number | undefined

  constructor(position: number, fork: () => ChildProcess, events: SlotEvents) {
    this.position = position
    this.#fork = fork
    this.#events = events
  }

  /** Name of the process; that of the last one while none is there. */
  get name(): string {
    return this.#name
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  get serving(): boolean {
    return this.#servingSince !== undefined
  }

  /** Starts a process, which loads the program and waits for its order; whoever was there before has to be gone. */
  launch(): void {
    const child = this.#fork()
    this.#child = child
    this.#joined = false
    this.#order = undefined
    child.on('message', (message: FromProcess) => {
      if (message.type === 'joined') {
        this.#joined = true
        if (this.#order !== undefined) this.send(this.#order)
      } else if (message.type === 'ready') {
        this.#servingSince = performance.now()
        this.#events.served(message.addresses, child.pid)
      } else {
        this.#events.said(message, this.#name)
      }
    })
    // one that cannot be started has no exit
    child.once('error', () => this.#end(child, null, null))
    child.once('exit', (code, signal) => this.#end(child, code, signal))
  }

  /** Gives the process its order, as soon as it can hear it. */
  give(order: StartOrder): void {
    this.#name = order.name
    this.#order = order
    if (this.#joined) this.send(order)
  }

  /** Says something to the process, if it is there to hear it. */
  send(message: ToProcess): void {
    // its end is told by itself
    if (this.#child?.connected === true) this.#child.send(message, () => undefined)
  }

  #end(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return
    const servedMs = this.#servingSince === undefined ? 0 : performance.now() - this.#servingSince
    this.#child = undefined
    this.#servingSince = undefined
    this.#events.ended({ name: this.#name, pid: child.pid, code, signal, servedMs })
  }
}
