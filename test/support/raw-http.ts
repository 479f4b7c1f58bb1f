import { connect, type Socket } from 'node:net'

/** A raw TCP conversation with a server, for requests no well-behaved client would send. */
export class RawConnection {
  readonly socket: Socket
  #received = ''
  readonly #closed: Promise<void>

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.socket = connect(Number(port), hostname)
    this.socket.setEncoding('latin1')
    this.socket.on('data', (chunk: string) => {
      this.#received += chunk
    })
    this.socket.on('error', () => {})
    this.#closed = new Promise((resolve) => {
      this.socket.once('close', () => resolve())
    })
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Everything received so far. */
  get received(): string {
    return this.#received
  }

  /** Resolves once the received text contains `text`. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.socket.destroyed)
        throw new Error(`connection closed before ${JSON.stringify(text)}: ${this.#received}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return this.#received
  }

  /** Resolves when the server has closed the connection, to everything it sent. */
  async closed(): Promise<string> {
    await this.#closed
    return this.#received
  }

  close(): void {
    this.socket.destroy()
  }
}

/** Sends one raw request on its own connection and returns all the server answers before it closes. */
export async function rawExchange(url: string, text: string): Promise<string> {
  const connection = new RawConnection(url)
  connection.send(text)
  const timer = setTimeout(() => connection.close(), 10_000)
  const answer = await connection.closed()
  clearTimeout(timer)
  return answer
}
