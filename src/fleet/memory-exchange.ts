import type { Clock } from '../keyring/clock.ts'
import type { Claim, FleetExchange, FleetListener } from './exchange.ts'
import type { Mark } from './mark.ts'
import { MeetingPlace } from './meeting-place.ts'
import type { FleetMessage } from './message.ts'

/** How the network between the replicas and their meeting place behaves. */
export interface MemoryNetwork {
  /** Milliseconds one way, for a question or its answer, or for a message. */
  latencyMs(of: 'question' | 'message'): number
  /** True for a message, or a question or its answer, that is lost. */
  loses(): boolean
}

/** A question without an answer counts as unanswered after so long. */
const TIMEOUT_MS = 250

/** A meeting place in one process: for models of a fleet and for several access controls in one process. */
export class MemoryMeeting {
  readonly clock: Clock
  readonly network: MemoryNetwork
  readonly members = new Set<MemoryExchange>()
  readonly #place: MeetingPlace
  #epoch = 0
  /** Questions answered and messages handed on. */
  traffic = { claims: 0, ticks: 0, messages: 0 }

  constructor(clock: Clock, network: MemoryNetwork = { latencyMs: () => 1, loses: () => false }) {
    this.clock = clock
    this.network = network
    this.#place = new MeetingPlace(clock, '0')
  }

  /** Begins another epoch, as a server does that was restarted; claims are forgotten. */
  restart(): void {
    this.#epoch += 1
    this.#place.restart(String(this.#epoch))
  }

  grant(authorityId: string, by: string, holdMs: number): Claim {
    this.traffic.claims += 1
    return this.#place.grant(authorityId, by, holdMs)
  }

  mark(): Mark {
    this.traffic.ticks += 1
    return this.#place.mark()
  }

  spread(message: FleetMessage, from: MemoryExchange): void {
    const arriving = new Map<number, MemoryExchange[]>()
    for (const member of this.members) {
      if (member === from || !member.connected || this.network.loses()) continue
      this.traffic.messages += 1
      const latencyMs = this.network.latencyMs('message')
      const together = arriving.get(latencyMs)
      if (together === undefined) arriving.set(latencyMs, [member])
      else together.push(member)
    }
    for (const [latencyMs, members] of arriving) {
      this.clock.setTimer(() => {
        for (const member of members) member.deliver(message, from.replica)
      }, latencyMs)
    }
  }
}

/** One replica's way to a `MemoryMeeting`. */
export class MemoryExchange implements FleetExchange {
  readonly replica: string
  readonly #meeting: MemoryMeeting
  #listener: FleetListener | undefined
  #connected = true
  #reachable = true

  constructor(meeting: MemoryMeeting, replica: string) {
    this.#meeting = meeting
    this.replica = replica
    meeting.members.add(this)
  }

  get reachable(): boolean {
    return this.#reachable
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Cuts this replica off, or lets it back. */
  set connected(connected: boolean) {
    const resumed = connected && !this.#connected
    this.#connected = connected
    if (resumed) this.#listener?.resumed()
  }

  claim(authorityId: string, holdMs: number): Promise<Claim> {
    return this.#ask(() => this.#meeting.grant(authorityId, this.replica, holdMs))
  }

  tick(): Promise<Mark> {
    return this.#ask(() => this.#meeting.mark())
  }

  publish(message: FleetMessage): void {
    const { network, clock } = this.#meeting
    if (!this.#connected || network.loses()) return
    clock.setTimer(() => this.#meeting.spread(message, this), network.latencyMs('message'))
  }

  listen(listener: FleetListener): void {
    this.#listener = listener
  }

  deliver(message: FleetMessage, from: string): void {
    if (this.#connected) this.#listener?.received(message, from)
  }

  async close(): Promise<void> {
    this.#connected = false
    this.#meeting.members.delete(this)
  }

  #ask<T>(answer: () => T): Promise<T> {
    const { network, clock } = this.#meeting
    return new Promise((resolve, reject) => {
      const timeout = clock.setTimer(() => {
        this.#reachable = false
        reject(new Error('no answer from the meeting place'))
      }, TIMEOUT_MS)
      if (!this.#connected || network.loses()) return
      clock.setTimer(() => {
        const value = answer()
        if (network.loses()) return
        clock.setTimer(() => {
          timeout.cancel()
          this.#reachable = true
          resolve(value)
        }, network.latencyMs('question'))
      }, network.latencyMs('question'))
    })
  }
}
