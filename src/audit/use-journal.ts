import { open, readdir, readFile, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyServiceCalled } from './event.ts'

const NAME = /^key-uses-(\d{1,15})\.ndjson$/
const WRITE_DELAY_MS = 10

/** A use and the id of the row that it is being gathered for. */
export interface JournaledUse {
  readonly id: string
  readonly use: KeyServiceCalled
}

/**
 * Uses that are gathered for a row but not in it yet, on disk: they survive the end of the process, by whatever
 * signal. Begun anew at every interval; a finished part goes away once its rows are durable. One process owns it.
 */
export class UseJournal {
  readonly #directory: string
  readonly #onError: (error: unknown) => void
  #part: number
  #lines: string[] = []
  #file: Promise<FileHandle> | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(directory: string, part: number, onError: (error: unknown) => void) {
    this.#directory = directory
    this.#part = part
    this.#onError = onError
  }

  /** Opens the journal; `left` is what an earlier run did not bring into rows, `forget` lets go of it. */
  static async open(
    directory: string,
    onError: (error: unknown) => void,
  ): Promise<{ journal: UseJournal; left: JournaledUse[]; damaged: number; forget: () => Promise<void> }> {
    const parts = (await readdir(directory)).flatMap((file) => NAME.exec(file)?.[1] ?? []).map(Number)
    parts.sort((a, b) => a - b)
    const left: JournaledUse[] = []
    let damaged = 0
    for (const part of parts) {
      const lines = (await readFile(partOf(directory, part), 'utf8')).split('\n')
      for (const line of lines.filter((text) => text !== '')) {
        const use = parsed(line)
        if (use === undefined) damaged += 1
        else left.push(use)
      }
    }
    const forget = async (): Promise<void> => {
      await Promise.all(parts.map((part) => rm(partOf(directory, part), { force: true })))
    }
    return { journal: new UseJournal(directory, (parts.at(-1) ?? 0) + 1, onError), left, damaged, forget }
  }

  add(id: string, use: KeyServiceCalled): void {
    this.#lines.push(`${JSON.stringify({ id, use })}\n`)
    this.#timer ??= setTimeout(() => void this.#write(), WRITE_DELAY_MS)
  }

  /** Begins a new part; the one before goes away when `durable` resolves. */
  async turn(durable: () => Promise<void>): Promise<void> {
    await this.#write()
    const file = this.#file
    if (file === undefined) return
    const finished = partOf(this.#directory, this.#part)
    this.#file = undefined
    this.#part += 1
    try {
      await (await file).close()
      await durable()
      await rm(finished, { force: true })
    } catch (thrown) {
      this.#onError(thrown)
    }
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#lines.join('')
    this.#lines = []
    if (text === '') return this.#writing
    this.#file ??= open(partOf(this.#directory, this.#part), 'a', 0o600)
    const file = this.#file
    this.#writing = this.#writing
      .then(async () => await (await file).appendFile(text))
      .catch((thrown: unknown) => {
        if (this.#file === file) this.#file = undefined
        this.#onError(thrown)
      })
    return this.#writing
  }
}

function partOf(directory: string, part: number): string {
  return join(directory, `key-uses-${part}.ndjson`)
}

/** A line that the end of the process cut in two is none. */
function parsed(line: string): JournaledUse | undefined {
  try {
    const { id, use } = JSON.parse(line) as Partial<JournaledUse>
    return typeof id === 'string' && typeof use?.at === 'string' ? { id, use } : undefined
  } catch {
    return undefined
  }
}
