import { randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ByteRange } from '../../protocol/s3/ranges.ts'
import type { StoredPart } from './object-index.ts'

/** A file being written. It is durable once `finish` has resolved, and garbage unless the index names it. */
export interface BlobWriter {
  readonly name: string
  write(data: Buffer): Promise<void>
  finish(): Promise<void>
  discard(): Promise<void>
}

/** Content of objects and parts, one file each. What no index entry names is removed at the next start. */
export class BlobFiles {
  readonly #directory: string
  readonly #readers = new Map<string, number>()
  readonly #doomed = new Set<string>()

  constructor(directory: string, inUse: ReadonlySet<string>) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
    for (const name of readdirSync(directory)) {
      if (!inUse.has(name)) rmSync(join(directory, name))
    }
  }

  async create(): Promise<BlobWriter> {
    const name = randomUUID()
    const path = join(this.#directory, name)
    const handle = await open(path, 'wx')
    return {
      name,
      write: (data) => writeAll(handle, data),
      finish: async () => {
        await handle.sync()
        await handle.close()
        await syncDirectory(this.#directory)
      },
      discard: async () => {
        await handle.close().catch(() => undefined)
        await rm(path, { force: true })
      },
    }
  }

  /** Bytes of a range over the parts of an object. The files stay until the reading ends, even if removed. */
  async *read(parts: readonly StoredPart[], range: ByteRange): AsyncGenerator<Buffer> {
    for (const { blob } of parts) this.#readers.set(blob, (this.#readers.get(blob) ?? 0) + 1)
    try {
      let offset = 0
      for (const part of parts) {
        const start = Math.max(range.start - offset, 0)
        const end = Math.min(range.end - offset, part.bytes - 1)
        offset += part.bytes
        if (start > end) continue
        const stream = createReadStream(join(this.#directory, part.blob), {
          start,
          end,
          highWaterMark: 262_144,
        })
        for await (const chunk of stream) yield chunk as Buffer
      }
    } finally {
      for (const { blob } of parts) this.#release(blob)
    }
  }

  /** Removes files, or those still being read as soon as they are not. */
  async remove(parts: readonly StoredPart[]): Promise<void> {
    for (const { blob } of parts) {
      if (this.#readers.has(blob)) this.#doomed.add(blob)
      else await rm(join(this.#directory, blob), { force: true })
    }
  }

  #release(blob: string): void {
    const readers = this.#readers.get(blob)! - 1
    if (readers > 0) {
      this.#readers.set(blob, readers)
      return
    }
    this.#readers.delete(blob)
    if (this.#doomed.delete(blob)) rmSync(join(this.#directory, blob), { force: true })
  }
}

async function writeAll(handle: FileHandle, data: Buffer): Promise<void> {
  let written = 0
  while (written < data.length) {
    const { bytesWritten } = await handle.write(data, written, data.length - written)
    written += bytesWritten
  }
}

// A new file is durable only once its directory entry is.
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
