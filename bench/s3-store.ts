import { type AddressInfo, createServer, type Socket } from 'node:net'
import { bareSocket } from '../src/listener/bare-socket.ts'
import { headBytes, parseHead, type WireHead, writeSegments } from './support/wire.ts'

// A store that costs next to nothing: S3's wire for whole objects, ranges and multipart uploads, kept in memory, on
// bare sockets with one reading buffer each. It believes every signature.

interface StoredObject {
  readonly segments: readonly Buffer[]
  readonly bytes: number
  readonly etag: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

interface Upload {
  readonly headers: StoredObject['headers']
  readonly parts: Map<number, StoredObject>
}

const READ_BYTES = 256 * 1024
const KEPT = /^(?:content-type|cache-control|content-disposition|content-language|expires|x-amz-meta-.*)$/
const objects = new Map<string, StoredObject>()
const uploads = new Map<string, Upload>()
// A reader of what is being replaced would see both; the bench never reads and writes an object at once.
const spares = new Map<number, Buffer[]>()
const SPARE_BYTES_MIN = 1024 * 1024
/** What is written there is counted and forgotten, for more than memory holds. */
const DISCARDED = /^\/[^/]+\/discarded-/
const counted = { requests: 0, bytes: 0 }
let serial = 0

class Connection {
  readonly #socket: Socket
  #head = Buffer.alloc(0)
  #request: WireHead | undefined
  #body: Buffer = Buffer.alloc(0)
  #bodyBytes = 0
  #received = 0
  #busy = false

  constructor(accepted: Socket) {
    const place = Buffer.allocUnsafeSlow(READ_BYTES)
    this.#socket = bareSocket(accepted, {
      buffer: () => place,
      callback: (bytes) => {
        this.#take(place.subarray(0, bytes))
        return true
      },
    })!
    this.#socket.setNoDelay(true)
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('end', () => this.#socket.end())
    this.#socket.resume()
  }

  #take(chunk: Buffer): void {
    let rest = chunk
    if (this.#request === undefined) {
      this.#head = this.#head.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#head, chunk])
      const length = headBytes(this.#head)
      if (length === undefined) return
      this.#request = parseHead(this.#head.subarray(0, length))
      rest = this.#head.subarray(length)
      this.#head = Buffer.alloc(0)
      this.#received = 0
      this.#bodyBytes = Number(this.#request.headers.get('content-length') ?? 0)
      this.#body = bodyFor(this.#request, this.#bodyBytes)
      if (this.#request.headers.get('expect') === '100-continue')
        this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    }
    if (this.#body.length === this.#bodyBytes) rest.copy(this.#body, this.#received)
    this.#received += rest.length
    this.#answer()
  }

  /** Answers what has arrived in full, once the answer before it is on its way. */
  #answer(): void {
    const request = this.#request
    const body = this.#body
    if (request === undefined || this.#received < this.#bodyBytes || this.#busy) return
    this.#request = undefined
    this.#busy = true
    answer(this.#socket, request, body)
      .catch((error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        this.#socket.destroy()
      })
      .finally(() => {
        this.#busy = false
        if (this.#request !== undefined) this.#answer()
      })
  }
}

/** The buffer that a body is received into: that of a replaced object where there is one, since fresh pages cost time. */
function bodyFor({ start }: WireHead, length: number): Buffer {
  if (DISCARDED.test(start[1]!)) return Buffer.alloc(0)
  return spares.get(length)?.pop() ?? Buffer.allocUnsafeSlow(length)
}

function setSpare(object: StoredObject | undefined): void {
  for (const segment of object?.segments ?? []) {
    if (segment.length < SPARE_BYTES_MIN) continue
    const alike = spares.get(segment.length) ?? []
    spares.set(segment.length, alike)
    alike.push(segment)
  }
}

async function answer(socket: Socket, { start, headers }: WireHead, body: Buffer): Promise<void> {
  const [method, target] = start as [string, string]
  const [path, queryText] = target.split('?') as [string, string | undefined]
  const query = new URLSearchParams(queryText ?? '')
  counted.requests += 1
  if (path === '/-counted') return reply(socket, 200, [], JSON.stringify(counted))
  if (method === 'PUT') return put(socket, path, query, headers, body)
  if (method === 'POST' && query.has('uploads')) return create(socket, path, headers)
  if (method === 'POST' && query.has('uploadId')) return complete(socket, path, query.get('uploadId')!)
  if (method === 'DELETE') return reply(socket, objects.delete(path) ? 204 : 204, [])
  if (query.has('uploadId')) return listParts(socket, query.get('uploadId')!)
  return get(socket, method, path, headers)
}

function put(
  socket: Socket,
  path: string,
  query: URLSearchParams,
  headers: ReadonlyMap<string, string>,
  body: Buffer,
): void {
  serial += 1
  const stored = {
    segments: [body],
    bytes: body.length,
    etag: `"${serial.toString(16).padStart(32, '0')}"`,
    headers: [...headers].filter(([name]) => KEPT.test(name)),
  }
  const upload = uploads.get(query.get('uploadId') ?? '')
  if (upload === undefined) {
    setSpare(objects.get(path))
    objects.set(path, stored)
  } else upload.parts.set(Number(query.get('partNumber')), stored)
  reply(socket, 200, [['ETag', stored.etag]])
}

function create(socket: Socket, path: string, headers: ReadonlyMap<string, string>): void {
  serial += 1
  const id = `upload-${serial}`
  uploads.set(id, { headers: [...headers].filter(([name]) => KEPT.test(name)), parts: new Map() })
  const [, bucket] = path.split('/')
  reply(
    socket,
    200,
    [],
    `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${path.slice(bucket!.length + 2)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
  )
}

function listParts(socket: Socket, id: string): void {
  const parts = [...(uploads.get(id)?.parts ?? [])].toSorted(([a], [b]) => a - b)
  const entries = parts.map(
    ([number, { bytes, etag }]) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${bytes}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Part>`,
  )
  reply(
    socket,
    200,
    [],
    `<ListPartsResult><UploadId>${id}</UploadId><IsTruncated>false</IsTruncated>${entries.join('')}</ListPartsResult>`,
  )
}

function complete(socket: Socket, path: string, id: string): void {
  const upload = uploads.get(id)!
  uploads.delete(id)
  const parts = [...upload.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part)
  serial += 1
  const etag = `"${serial.toString(16).padStart(32, '0')}-${parts.length}"`
  const segments = parts.flatMap((part) => part.segments)
  objects.set(path, {
    segments,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    etag,
    headers: upload.headers,
  })
  reply(
    socket,
    200,
    [],
    `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
  )
}

async function get(
  socket: Socket,
  method: string,
  path: string,
  headers: ReadonlyMap<string, string>,
): Promise<void> {
  const object = objects.get(path)
  if (object === undefined) {
    return reply(socket, 404, [], '<Error><Code>NoSuchKey</Code><Message>none</Message></Error>')
  }
  const range = /^bytes=(\d*)-(\d*)$/.exec(headers.get('range') ?? '')
  let from = 0
  let to = object.bytes
  if (range !== null) {
    from = range[1] === '' ? Math.max(0, to - Number(range[2])) : Number(range[1])
    if (range[1] !== '' && range[2] !== '') to = Math.min(to, Number(range[2]) + 1)
  }
  const fields: (readonly [string, string])[] = [
    ...object.headers,
    ['ETag', object.etag],
    ['Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ['Accept-Ranges', 'bytes'],
    ['Content-Length', String(to - from)],
  ]
  if (range !== null) fields.push(['Content-Range', `bytes ${from}-${to - 1}/${object.bytes}`])
  socket.cork()
  writeHead(socket, range === null ? 200 : 206, fields)
  process.nextTick(() => socket.uncork())
  if (method === 'HEAD') return
  counted.bytes += to - from
  await writeSegments(socket, object.segments, from, to)
}

function reply(socket: Socket, status: number, fields: (readonly [string, string])[], body = ''): void {
  writeHead(socket, status, [...fields, ['Content-Length', String(Buffer.byteLength(body))]], body)
}

function writeHead(socket: Socket, status: number, fields: (readonly [string, string])[], body = ''): void {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
  const type = body.startsWith('<') ? 'Content-Type: application/xml\r\n' : ''
  socket.write(
    `HTTP/1.1 ${status} -\r\nServer: bench\r\nx-amz-request-id: 1\r\n${type}${lines.join('')}\r\n${body}`,
  )
}

const server = createServer({ pauseOnConnect: true }, (socket) => new Connection(socket))
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
  )
})

// The bench that started it may have died.
setInterval(() => {
  if (process.ppid === 1) process.exit(1)
}, 1000).unref()
