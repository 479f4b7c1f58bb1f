import { connect, type Socket } from 'node:net'
import { headBytes, parseHead, type WireHead, writeSegments } from './wire.ts'

/** One request, and what its body must be compared with, if anything. */
export interface WireRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: readonly string[]
  readonly body?: { readonly segments: readonly Buffer[]; readonly bytes: number }
  /** Sees the body of the answer as it arrives; the chunk is reused afterwards. */
  readonly onData?: (chunk: Buffer) => void
}

/** The answer to one request. */
export interface WireAnswer extends WireHead {
  readonly status: number
  readonly bodyBytes: number
}

interface Pending {
  readonly request: WireRequest
  resolve(answer: WireAnswer): void
  reject(error: Error): void
}

const READ_BYTES = 256 * 1024

/** A kept-alive connection that asks one thing at a time and costs as little as JavaScript can. */
export class ObjectClient {
  readonly #host: string
  readonly #socket: Socket
  #pending: Pending | undefined
  #early = Buffer.alloc(0)
  #head: WireHead | undefined
  #expected = 0
  #chunks: ChunkCounter | undefined
  #got = 0

  constructor(url: string) {
    const { hostname, port, host } = new URL(url)
    this.#host = host
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (bytes, buffer) => {
          this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  /** Sends a request; resolves when its answer is complete. */
  send(request: WireRequest): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      this.#pending = { request, resolve, reject }
      const { method, target, headers, body } = request
      const lines = [`${method} ${target} HTTP/1.1`, `host: ${this.#host}`]
      for (let index = 0; index < headers.length; index += 2) {
        if (headers[index] !== 'host') lines.push(`${headers[index]}: ${headers[index + 1]}`)
      }
      if (body !== undefined) lines.push(`content-length: ${body.bytes}`)
      this.#socket.cork()
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      process.nextTick(() => this.#socket.uncork())
      if (body === undefined) return
      writeSegments(this.#socket, body.segments, 0, body.bytes).catch(reject)
    })
  }

  close(): void {
    this.#pending = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    let rest = chunk
    if (this.#head === undefined) {
      const bytes = this.#early.length === 0 ? chunk : Buffer.concat([this.#early, chunk])
      const length = headBytes(bytes)
      if (length === undefined) {
        this.#early = Buffer.from(bytes)
        return
      }
      const head = parseHead(bytes.subarray(0, length))
      rest = bytes.subarray(length)
      this.#early = Buffer.alloc(0)
      if (head.start[1] === '100') {
        if (rest.length > 0) this.#take(rest)
        return
      }
      this.#begin(head)
    }
    this.#body(rest)
  }

  #begin(head: WireHead): void {
    this.#head = head
    this.#got = 0
    const isEmpty =
      this.#pending!.request.method === 'HEAD' || head.start[1] === '204' || head.start[1] === '304'
    this.#chunks =
      !isEmpty && head.headers.get('transfer-encoding') === 'chunked' ? new ChunkCounter() : undefined
    this.#expected = isEmpty ? 0 : Number(head.headers.get('content-length') ?? 0)
  }

  #body(chunk: Buffer): void {
    const pending = this.#pending!
    const { request } = pending
    if (this.#chunks !== undefined) {
      this.#got += this.#chunks.take(chunk, request.onData)
      if (!this.#chunks.ended) return
    } else {
      this.#got += chunk.length
      if (chunk.length > 0) request.onData?.(chunk)
      if (this.#got < this.#expected) return
    }
    const head = this.#head!
    this.#head = undefined
    pending.resolve({ ...head, status: Number(head.start[1]), bodyBytes: this.#got })
  }

  #fail(error: Error): void {
    this.#pending?.reject(error)
    this.#pending = undefined
  }
}

/** Removes chunked framing (RFC 9112 section 7.1) and counts what remains. */
class ChunkCounter {
  ended = false
  #remaining = 0
  #line = ''

  take(chunk: Buffer, onData: ((data: Buffer) => void) | undefined): number {
    let at = 0
    let bytes = 0
    while (at < chunk.length && !this.ended) {
      if (this.#remaining > 0) {
        const until = Math.min(chunk.length, at + this.#remaining)
        onData?.(chunk.subarray(at, until))
        bytes += until - at
        this.#remaining -= until - at
        at = until
        continue
      }
      this.#line += String.fromCharCode(chunk[at]!)
      at += 1
      if (!/[0-9a-fA-F]\r\n$/.test(this.#line)) continue
      this.#remaining = Number.parseInt(this.#line.trim(), 16)
      this.#line = ''
      // The empty line behind the last chunk is in the same segment in practice.
      if (this.#remaining === 0) this.ended = true
    }
    return bytes
  }
}
