import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const CHUNK_BYTES = 8 * 1024 * 1024

/**
 * Which of some byte strings stand anywhere in the writable memory of another process, locked memory, heap and whatever
 * native code holds alike. Linux, and only for processes of the same user.
 */
export function foundInMemory(pid: number, needles: Readonly<Record<string, Uint8Array>>): string[] {
  const overlap = Math.max(...Object.values(needles).map(({ length }) => length)) - 1
  const found = new Set<string>()
  const chunk = Buffer.alloc(CHUNK_BYTES)
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const [start, end] of writableRegions(pid)) {
      for (let at = start; at < end; at += CHUNK_BYTES - overlap) {
        const bytes = readAt(memory, chunk, at, Math.min(CHUNK_BYTES, end - at))
        for (const [name, needle] of Object.entries(needles)) {
          if (bytes.includes(needle)) found.add(name)
        }
      }
    }
  } finally {
    chunk.fill(0)
    closeSync(memory)
  }
  return [...found]
}

function writableRegions(pid: number): [start: number, end: number][] {
  return readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line): [number, number][] => {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
      return start === undefined ? [] : [[Number.parseInt(start, 16), Number.parseInt(end!, 16)]]
    })
}

/** What can be read of a region: it may have been given back meanwhile. */
function readAt(memory: number, chunk: Buffer, at: number, length: number): Buffer {
  try {
    return chunk.subarray(0, readSync(memory, chunk, 0, length, at))
  } catch {
    return chunk.subarray(0, 0)
  }
}
