import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { type Agent as TlsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { Readable } from 'node:stream'
import type { AnyJson } from './any-json.ts'

/** A response as it came: nothing decoded, nothing followed. */
export interface Answer {
  readonly status: number
  readonly statusMessage: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly trailers: Record<string, string | undefined>
  readonly body: Buffer
  readonly text: string
  /** The body parsed as JSON. */
  readonly json: AnyJson
}

/** What to send. */
export interface Sending {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer | Readable
  readonly agent?: Agent | TlsAgent
  readonly tls?: RequestOptions
  /** Called for each piece of the body instead of collecting it; may pause the response. */
  readonly onData?: (chunk: Buffer, response: IncomingMessage) => void
}

/** Sends one request with node's own client and collects the answer; rejects when the connection is cut. */
export async function send(url: string, sending: Sending = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, agent, tls, onData } = sending
  const secure = url.startsWith('https:')
  return await new Promise<Answer>((resolve, reject) => {
    const options = { method, headers, ...(agent === undefined ? {} : { agent }), ...tls }
    const request = secure ? httpsRequest(url, options) : httpRequest(url, options)
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => {
        if (onData === undefined) chunks.push(chunk)
        else onData(chunk, response)
      })
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({
          status: response.statusCode ?? 0,
          statusMessage: response.statusMessage ?? '',
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          trailers: response.trailers,
          body: bytes,
          text: bytes.toString('utf8'),
          get json(): unknown {
            return JSON.parse(bytes.toString('utf8')) as unknown
          },
        })
      })
      response.on('close', () => {
        if (!response.complete) reject(new Error('the response was cut'))
      })
    })
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body)
    else {
      body.on('error', (error) => request.destroy(error))
      body.pipe(request)
    }
  })
}

/** An agent that keeps connections, for thousands of requests in a row. */
export function keepAlive(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 8 })
}
