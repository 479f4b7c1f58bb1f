/** A value's place in a list, which takes it out again. The links are the list's own, and undefined once out of it. */
export interface LivePlace<Value> {
  readonly value: Value
  previous: LivePlace<Value> | undefined
  next: LivePlace<Value> | undefined
}

/**
 * What is under way now, for members that come and go with every request. A Set would do, but for the collector: a Set
 * that grows and shrinks leaves tables behind that still name former members and each other, so that everything a
 * request consisted of survives young collections and is copied in them.
 */
export class LiveList<Value> {
  readonly #head: LivePlace<Value | undefined> = { value: undefined, previous: undefined, next: undefined }
  #size = 0

  constructor() {
    this.#head.previous = this.#head
    this.#head.next = this.#head
  }

  get size(): number {
    return this.#size
  }

  add(value: Value): LivePlace<Value> {
    const last = this.#head.previous!
    const place: LivePlace<Value> = {
      value,
      previous: last as LivePlace<Value>,
      next: this.#head as LivePlace<Value>,
    }
    last.next = place
    this.#head.previous = place
    this.#size += 1
    return place
  }

  /** Takes a value out; once only, a second time does nothing. */
  remove(place: LivePlace<Value>): void {
    const { previous, next } = place
    if (previous === undefined || next === undefined) return
    previous.next = next
    next.previous = previous
    place.previous = undefined
    place.next = undefined
    this.#size -= 1
  }

  /** The values in order of arrival, as they are at this instant. */
  values(): Value[] {
    const values: Value[] = []
    for (let place = this.#head.next!; place !== this.#head; place = place.next!)
      values.push(place.value as Value)
    return values
  }

  /** Takes every value out, in order of arrival. */
  takeAll(): Value[] {
    const values = this.values()
    while (this.#head.next !== this.#head) this.remove(this.#head.next as LivePlace<Value>)
    return values
  }
}
