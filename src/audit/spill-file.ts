import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { PendingEntry } from './row.ts'

const READ_BYTES = 256 * 1024
const LINE_FEED = 0x0a

/** Entries read back, and the offset behind them. */
export interface SpillChunk {
  readonly entries: PendingEntry[]
  readonly end: number
  /** Whole lines that do not hold what was written. */
  readonly linesDamaged: number
}

/**
 * Audit entries that wait on disk while the store is behind or away: one line each, `CRC-32 of the JSON, JSON`.
 * Written in order, read from the start, emptied when all is in the store. One process owns it.
 */
export class SpillFile {
  readonly #file: FileHandle
  #bytes: number
  #readOffset = 0
  #last: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file
    this.#bytes = bytes
  }

  /**
   * Opens or creates a file, and cuts off a torn tail: `tornBytes` after the last whole line, of a write that a
   * crash cut before it was acknowledged.
   */
  static async open(path: string): Promise<{ spill: SpillFile; tornBytes: number }> {
    const file = await open(path, 'a+', 0o600)
    try {
      const { size } = await file.stat()
      const end = await endOfLastLine(file, size)
      if (end < size) {
        await file.truncate(end)
        await file.datasync()
      }
      return { spill: new SpillFile(file, end), tornBytes: size - end }
    } catch (thrown) {
      await file.close()
      throw thrown
    }
  }

  /** Bytes that hold entries, drained ones included until all are. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#readOffset >= this.#bytes
  }

  /** Appends entries; they survive a crash once this resolves. After a failure the file is as before. */
  append(entries: readonly PendingEntry[]): Promise<void> {
    const data = Buffer.from(entries.map(lineOf).join(''))
    return this.#inTurn(async () => {
      try {
        await this.#file.appendFile(data)
        await this.#file.datasync()
      } catch (thrown) {
        await this.#file.truncate(this.#bytes).catch(() => undefined)
        throw thrown
      }
      this.#bytes += data.length
    })
  }

  /** The next entries, without taking them. */
  async read(): Promise<SpillChunk> {
    let length = Math.min(READ_BYTES, this.#bytes - this.#readOffset)
    for (;;) {
      const buffer = Buffer.allocUnsafe(length)
      await this.#file.read(buffer, 0, length, this.#readOffset)
      const end = buffer.lastIndexOf(LINE_FEED) + 1
      if (end > 0) return { ...parseLines(buffer.subarray(0, end)), end: this.#readOffset + end }
      if (this.#readOffset + length >= this.#bytes) return { entries: [], linesDamaged: 1, end: this.#bytes }
      length = Math.min(length * 2, this.#bytes - this.#readOffset)
    }
  }

  /** Marks everything before `end` as safely elsewhere; empties the file when that is all of it. */
  drained(end: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#readOffset = end
      if (!this.isEmpty) return
      await this.#file.truncate(0)
      this.#readOffset = 0
      this.#bytes = 0
    })
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#file.close())
  }

  /** Emptying the file while an append is under way would take the new entries along. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function lineOf(entry: PendingEntry): string {
  const json = JSON.stringify([entry.chain, entry.id, entry.event])
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`
}

function parseLines(data: Buffer): Omit<SpillChunk, 'end'> {
  const entries: PendingEntry[] = []
  let linesDamaged = 0
  for (const line of data.toString('utf8').split('\n')) {
    if (line === '') continue
    const json = line.slice(9)
    if (crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8)) {
      linesDamaged += 1
      continue
    }
    const [chain, id, event] = JSON.parse(json) as [string, string, string]
    entries.push({ chain, id, event })
  }
  return { entries, linesDamaged }
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - READ_BYTES)
    await file.read(buffer, 0, end - start, start)
    const lineFeed = buffer.subarray(0, end - start).lastIndexOf(LINE_FEED)
    if (lineFeed >= 0) return start + lineFeed + 1
    end = start
  }
  return 0
}
