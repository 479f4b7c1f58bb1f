import type { Socket } from 'node:net'

/** Head of an HTTP/1.1 message, as far as the bench needs it. Header names are lower-case. */
export interface WireHead {
  /** The words of the start line. */
  readonly start: readonly string[]
  readonly headers: ReadonlyMap<string, string>
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Length of the head that `bytes` begin with, its empty line included; undefined while it is incomplete. */
export function headBytes(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(HEAD_END)
  return at === -1 ? undefined : at + HEAD_END.length
}

/** Reads a complete head. */
export function parseHead(bytes: Buffer): WireHead {
  const [start, ...lines] = bytes.toString('latin1').trimEnd().split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { start: start!.split(' '), headers }
}

/** Writes the bytes [from, to) of `segments` in pieces, at the pace of the socket; resolves when all is handed over. */
export async function writeSegments(
  socket: Socket,
  segments: readonly Buffer[],
  from: number,
  to: number,
): Promise<void> {
  const PIECE_BYTES = 1024 * 1024
  let before = 0
  for (const segment of segments) {
    const first = Math.max(0, from - before)
    const end = Math.min(segment.length, to - before)
    before += segment.length
    for (let at = first; at < end; at += PIECE_BYTES) {
      if (socket.destroyed) return
      if (!socket.write(segment.subarray(at, Math.min(end, at + PIECE_BYTES)))) await drained(socket)
    }
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}
