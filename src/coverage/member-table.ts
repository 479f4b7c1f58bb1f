interface Entry<Value> {
  readonly name: Buffer
  readonly value: Value
}

const SLOTS_MIN = 16
/** Slots per name: a probe for an unknown name then mostly finds an empty slot. */
const SLOTS_PER_NAME = 4

/**
 * Values by member name, found by the name's bytes without making a string: a probe costs a hash of the length
 * and three bytes, and one comparison on a hit.
 */
export class MemberTable<Value> {
  #entries: readonly Entry<Value>[] = []
  #slots: (readonly Entry<Value>[] | undefined)[] = Array.from({ length: SLOTS_MIN })
  #mask = SLOTS_MIN - 1

  /** Adds a name that is not there yet. */
  add(name: Buffer, value: Value): void {
    this.#entries = [...this.#entries, { name, value }]
    let size = SLOTS_MIN
    while (size < this.#entries.length * SLOTS_PER_NAME) size *= 2
    this.#mask = size - 1
    this.#slots = Array.from({ length: size })
    for (const entry of this.#entries) {
      const slot = hash(entry.name, 0, entry.name.byteLength) & this.#mask
      this.#slots[slot] = [...(this.#slots[slot] ?? []), entry]
    }
  }

  /** The value of the name `bytes[start, end)`, or undefined. */
  find(bytes: Uint8Array, start: number, end: number): Value | undefined {
    const entries = this.#slots[hash(bytes, start, end) & this.#mask]
    if (entries === undefined) return undefined
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!
      if (equals(entry.name, bytes, start, end)) return entry.value
    }
    return undefined
  }
}

function equals(name: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (name.byteLength !== length) return false
  for (let offset = 0; offset < length; offset++) {
    if (name[offset] !== bytes[start + offset]) return false
  }
  return true
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0) return 0
  const middle = bytes[start + (length >> 1)]!
  return length * 0x1f + bytes[start]! * 0x7 + middle * 0x3d + bytes[end - 1]! * 0x11
}
