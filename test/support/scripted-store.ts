import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as the store received it. */
export interface StoreCall {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  /** Undefined while it arrives, and for ever where it was cut. */
  body: Buffer | undefined
  aborted: boolean
}

/** How a scripted store answers; the body has arrived unless `early` was asked for. */
export type StoreScript = (
  call: StoreCall,
  response: ServerResponse,
  request: IncomingMessage,
) => void | Promise<void>

/** A store that answers as a test says and remembers what it was sent. */
export class ScriptedStore {
  readonly calls: StoreCall[] = []
  readonly server: Server
  /** Answers each request; replace it between tests. */
  script: StoreScript
  /** Answer before the body has arrived. */
  early = false
  readonly #sockets = new Set<Socket>()

  private constructor(script: StoreScript) {
    this.script = script
    this.server = createServer((request, response) => this.#receive(request, response))
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(script: StoreScript = answerJson('{}')): Promise<ScriptedStore> {
    const store = new ScriptedStore(script)
    await new Promise<void>((resolve) => store.server.listen(0, '127.0.0.1', resolve))
    return store
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Connections open now, upgraded ones included. */
  get connections(): number {
    return this.#sockets.size
  }

  get lastCall(): StoreCall {
    const call = this.calls.at(-1)
    if (call === undefined) throw new Error('the store was not called')
    return call
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const call: StoreCall = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: undefined,
      aborted: false,
    }
    this.calls.push(call)
    const chunks: Buffer[] = []
    request.on('error', () => {})
    request.on('close', () => {
      if (!request.complete) call.aborted = true
    })
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    if (this.early) void this.script(call, response, request)
    request.once('end', () => {
      call.body = Buffer.concat(chunks)
      if (!this.early) void this.script(call, response, request)
    })
  }
}

/** A script that answers 200 with a JSON text. */
export function answerJson(body: string | Buffer, headers: Record<string, string> = {}): StoreScript {
  return (_call, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers })
    response.end(body)
  }
}

/** A script that writes these bytes to the socket and nothing else. */
export function answerRaw(bytes: string | Buffer, end = true): StoreScript {
  return (_call, _response, request) => {
    request.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    if (end) request.socket.end()
  }
}
