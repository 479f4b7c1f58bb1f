const TEXTS_MAX = 1024
const TEXT_LENGTH_MAX = 512

/** What texts that keep coming back mean, so that each is read once: a client signs all its requests alike. */
export class Remembered<Meaning> {
  readonly #meanings = new Map<string, Meaning>()

  get(text: string): Meaning | undefined {
    return this.#meanings.get(text)
  }

  /** Keeps a text unless it is unusually long; the oldest one makes room. */
  keep(text: string, meaning: Meaning): Meaning {
    if (text.length > TEXT_LENGTH_MAX) return meaning
    if (this.#meanings.size >= TEXTS_MAX) this.#meanings.delete(this.#meanings.keys().next().value!)
    this.#meanings.set(text, meaning)
    return meaning
  }
}
