/** A member-name pattern such as `customfield_*`, matched on the name's UTF-8 bytes. */
export class NameGlob {
  readonly #parts: readonly Buffer[]

  /** `parts` is what stands between the stars: at least two, the outer ones anchored. */
  constructor(parts: readonly string[]) {
    this.#parts = parts.map((part) => Buffer.from(part))
  }

  /** Whether the name `bytes[start, end)` matches. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const first = this.#parts[0]!
    const last = this.#parts.at(-1)!
    if (end - start < first.byteLength + last.byteLength) return false
    if (!equalsAt(bytes, start, first) || !equalsAt(bytes, end - last.byteLength, last)) return false
    let at = start + first.byteLength
    const inner = end - last.byteLength
    for (let index = 1; index < this.#parts.length - 1; index++) {
      const part = this.#parts[index]!
      // the leftmost occurrence leaves the most room for the parts that follow
      while (at + part.byteLength <= inner && !equalsAt(bytes, at, part)) at++
      if (at + part.byteLength > inner) return false
      at += part.byteLength
    }
    return true
  }
}

function equalsAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let offset = 0; offset < part.byteLength; offset++) {
    if (bytes[at + offset] !== part[offset]) return false
  }
  return true
}
