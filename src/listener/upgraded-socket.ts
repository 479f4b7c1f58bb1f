import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A connection that has left HTTP: bytes both ways, with backpressure. */
export class UpgradedSocket extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super({ allowHalfOpen: true })
    this.#socket = socket
  }

  /** For the connection: hands on what arrived; false asks it to stop reading. */
  received(chunk: Buffer): boolean {
    return this.push(chunk)
  }

  /** For the connection: the client sends nothing any more. */
  ended(): void {
    this.push(null)
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    // Refused, it has no reader who would ever come upon its end.
    if (this.readableFlowing === null) this.resume()
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
