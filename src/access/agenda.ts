import type { Clock, Timer } from '../keyring/clock.ts'

/** What is to be done at an instant. */
export interface AgendaItem {
  /** On the monotonic clock; stands still while the item is on an agenda. */
  readonly dueAtMs: number
  /** Where the agenda keeps the item; undefined while it is on none. Only the agenda sets it. */
  agendaPlace: number | undefined
  /** Called once when the time has come; the item is off the agenda then. */
  due(): void
}

/**
 * Many items, one timer: a binary heap by due time. A timer of the runtime for each takes 300 bytes, and every active
 * authority has one.
 */
export class Agenda {
  readonly #clock: Clock
  readonly #heap: AgendaItem[] = []
  #timer: Timer | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds an item that is on no agenda. */
  add(item: AgendaItem): void {
    this.#place(item, this.#heap.length)
    this.#rise(item)
    if (this.#heap[0] === item) this.#wait()
  }

  /** Takes an item off; one that is not on it stays so. */
  remove(item: AgendaItem): void {
    const place = item.agendaPlace
    if (place === undefined) return
    item.agendaPlace = undefined
    const last = this.#heap.pop()!
    if (last !== item) {
      this.#place(last, place)
      this.#rise(last)
      this.#sink(last)
    }
    if (this.#heap.length === 0) this.#stop()
  }

  #wait(): void {
    const first = this.#heap[0]
    if (first === undefined || first.dueAtMs >= this.#timerAtMs) return
    this.#stop()
    this.#timerAtMs = first.dueAtMs
    this.#timer = this.#clock.setTimer(() => this.#callDue(), Math.max(0, first.dueAtMs - this.#clock.now()))
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAtMs = Number.POSITIVE_INFINITY
  }

  #callDue(): void {
    this.#stop()
    const now = this.#clock.now()
    for (let first = this.#heap[0]; first !== undefined && first.dueAtMs <= now; first = this.#heap[0]) {
      this.remove(first)
      first.due()
    }
    this.#wait()
  }

  #rise(item: AgendaItem): void {
    for (let place = item.agendaPlace!; place > 0;) {
      const above = this.#heap[(place - 1) >> 1]!
      if (above.dueAtMs <= item.dueAtMs) return
      this.#place(above, place)
      place = (place - 1) >> 1
      this.#place(item, place)
    }
  }

  #sink(item: AgendaItem): void {
    for (let place = item.agendaPlace!; ;) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const below = right !== undefined && right.dueAtMs < left!.dueAtMs ? right : left
      if (below === undefined || item.dueAtMs <= below.dueAtMs) return
      const belowPlace = below.agendaPlace!
      this.#place(below, place)
      place = belowPlace
      this.#place(item, place)
    }
  }

  #place(item: AgendaItem, place: number): void {
    this.#heap[place] = item
    item.agendaPlace = place
  }
}
