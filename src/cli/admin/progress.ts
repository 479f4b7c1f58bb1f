const BAR_CHARACTERS = 30
const CLEARED = '\r\u001B[K'

/** How far long work is, drawn in place on a terminal. Where there is none, and with `--json`, nothing is drawn. */
export class Progress {
  readonly #write: ((text: string) => void) | undefined
  #drawn = false

  /** `write` gets what is drawn; undefined draws nothing. */
  constructor(write: ((text: string) => void) | undefined) {
    this.#write = write
  }

  /** A bar for `done` of `total`, with a word on what is under way. */
  show(done: number, total: number, text = ''): void {
    const filled = total === 0 ? 0 : Math.floor((done / total) * BAR_CHARACTERS)
    const bar = `[${'#'.repeat(filled).padEnd(BAR_CHARACTERS, '.')}] ${done}/${total}`
    this.#draw(text === '' ? bar : `${bar}  ${text}`)
  }

  /** A word on what is waited for, where nobody knows how long it takes. */
  wait(text: string): void {
    this.#draw(text)
  }

  /** Takes away what was drawn, so that nothing of it stands between the lines of the answer. */
  clear(): void {
    if (this.#drawn) this.#write?.(CLEARED)
    this.#drawn = false
  }

  #draw(line: string): void {
    if (this.#write === undefined) return
    this.#drawn = true
    // one line, whatever the API said
    this.#write(CLEARED + line.replaceAll(/\p{Cc}/gu, ' '))
  }
}
