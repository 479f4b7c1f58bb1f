import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { request as httpRequest } from 'node:http'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signRequest } from '../../../src/protocol/s3/sign-request.ts'
import { signingKey, signText } from '../../../src/protocol/s3/signing-key.ts'
import { presign } from '../../support/presign.ts'
import { rawExchange } from '../../support/raw-http.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness, REGION } from './proxy-harness.ts'

const harness = new ProxyHarness()
let client: S3Client

beforeAll(async () => {
  await harness.start()
  client = harness.client(ACCESS_KEYS.acme)
})

afterAll(() => harness.stop())

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Record<string, string | string[] | undefined>
}

/** Sends exactly these headers and this body, and waits for the answer. */
function send(
  method: string,
  path: string,
  headers: string[],
  body?: Buffer,
  host?: string,
): Promise<Answer> {
  const url = new URL(harness.url)
  return new Promise((resolve, reject) => {
    const flat = headers.flatMap((entry, index) => (index % 2 === 0 ? [[entry, headers[index + 1]!]] : []))
    const outgoing = httpRequest(
      { host: url.hostname, port: url.port, method, path, setHost: false },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (chunk: Buffer) => pieces.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            text: Buffer.concat(pieces).toString(),
            headers: response.headers,
          }),
        )
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    for (const [name, value] of flat) outgoing.setHeader(name!, value!)
    if (host !== undefined) outgoing.setHeader('host', host)
    outgoing.end(body)
  })
}

interface SignedOptions {
  readonly query?: string
  readonly headers?: string[]
  readonly payloadHash?: string
  readonly host?: string
}

function signed(method: string, path: string, options: SignedOptions = {}): string[] {
  const host = options.host ?? new URL(harness.url).host
  return signRequest(
    {
      method,
      path,
      query: options.query ?? '',
      host,
      headers: options.headers ?? [],
      payloadHash: options.payloadHash ?? 'UNSIGNED-PAYLOAD',
    },
    ACCESS_KEYS.acme,
    REGION,
    Date.now(),
  )
}

async function call(
  method: string,
  path: string,
  options: SignedOptions = {},
  body?: Buffer,
): Promise<Answer> {
  const target = options.query === undefined ? path : `${path}?${options.query}`
  return send(method, target, signed(method, path, options), body)
}

async function exists(Key: string): Promise<boolean> {
  return client.send(new HeadObjectCommand({ Bucket, Key })).then(
    () => true,
    () => false,
  )
}

/** Presigns for the gateway. */
function presigned(
  method: string,
  path: string,
  options: { readonly expiresIn?: number; readonly at?: Date } = {},
): Promise<string> {
  return presign({ method, path, host: new URL(harness.url).host }, ACCESS_KEYS.acme, REGION, options)
}

describe('presigned URLs', () => {
  it('put and get', async () => {
    const { host } = new URL(harness.url)
    const put = await send(
      'PUT',
      await presigned('PUT', `/${Bucket}/presigned`),
      ['host', host, 'content-length', '5'],
      Buffer.from('hello'),
    )
    expect(put.status).toBe(200)
    const got = await send('GET', await presigned('GET', `/${Bucket}/presigned`), ['host', host])
    expect(got).toMatchObject({ status: 200, text: 'hello' })
    expect(harness.upstream.requests.every((line) => !line.includes('X-Amz-'))).toBe(true)
  })

  it.each([
    ['expired', { expiresIn: 60, at: new Date(Date.now() - 61_000) }, 'Request has expired'],
    ['from the future', { at: new Date(Date.now() + 16 * 60_000) }, 'Request is not valid yet'],
  ])('%s are refused', async (_, options, message) => {
    const { host } = new URL(harness.url)
    const got = await send('GET', await presigned('GET', `/${Bucket}/presigned`, options), ['host', host])
    expect(got.status).toBe(403)
    expect(got.text).toContain(`<Code>AccessDenied</Code><Message>${message}</Message>`)
  })

  it.each([
    ['metadata', { 'x-amz-meta-owner': 'alice' }, 200],
    ['the checksum of an empty body, which SDKs sign', { 'x-amz-checksum-crc32': 'AAAAAA==' }, 200],
    ['the source of a copy', { 'x-amz-copy-source': `${Bucket}/presigned` }, 501],
    ['a key of the client', { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }, 501],
    ['an offset to write at', { 'X-Amz-Write-Offset-Bytes': '5' }, 501],
  ])('with %s in the query', async (_, query, status) => {
    const { host } = new URL(harness.url)
    const path = `/${Bucket}/presigned-${status}`
    const url = await presign({ method: 'PUT', path, query, host }, ACCESS_KEYS.acme, REGION)
    const put = await send('PUT', url, ['host', host, 'content-length', '5'], Buffer.from('hello'))
    expect(put.status).toBe(status)
    if (status === 501) {
      expect(put.text).toContain('<Code>NotImplemented</Code>')
      expect(await exists(`presigned-${status}`)).toBe(false)
    } else if ('x-amz-meta-owner' in query) {
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: `presigned-${status}` }))
      expect(head.Metadata).toEqual({ owner: 'alice' })
    }
  })

  it('are for one method only', async () => {
    const { host } = new URL(harness.url)
    const url = await presigned('GET', `/${Bucket}/presigned`)
    const put = await send('PUT', url, ['host', host, 'content-length', '1'], Buffer.from('x'))
    expect(put.text).toContain('<Code>SignatureDoesNotMatch</Code>')
  })
})

describe('requests that are refused', () => {
  const cases: [string, string, string, SignedOptions, string | undefined, number, string][] = [
    [
      'customer-provided keys',
      'PUT',
      'k',
      { headers: ['x-amz-server-side-encryption-customer-algorithm', 'AES256'] },
      'x',
      501,
      'NotImplemented',
    ],
    [
      'an encryption that there is not',
      'PUT',
      'k',
      { headers: ['x-amz-server-side-encryption', 'rot13'] },
      'x',
      400,
      'InvalidArgument',
    ],
    [
      'a key without its encryption',
      'PUT',
      'k',
      { headers: ['x-amz-server-side-encryption-aws-kms-key-id', 'key'] },
      'x',
      400,
      'InvalidArgument',
    ],
    [
      'encryption asked for in a read',
      'GET',
      'k',
      { headers: ['x-amz-server-side-encryption', 'aws:kms'] },
      undefined,
      400,
      'InvalidRequest',
    ],
    [
      'an unknown x-amz- header',
      'PUT',
      'k',
      { headers: ['x-amz-write-offset-bytes', '0'] },
      'x',
      501,
      'NotImplemented',
    ],
    ['an extension of the store', 'PUT', 'k', { query: 'append=&position=0' }, 'x', 501, 'NotImplemented'],
    ['queries over content', 'POST', 'k', { query: 'select=&select-type=2' }, '<a/>', 501, 'NotImplemented'],
    [
      'a body that does not match its digest',
      'PUT',
      'k',
      { payloadHash: createHash('sha256').update('y').digest('hex') },
      'x',
      400,
      'XAmzContentSHA256Mismatch',
    ],
    [
      'a body that does not match its Content-MD5',
      'PUT',
      'k',
      { headers: ['content-md5', 'AAAAAAAAAAAAAAAAAAAAAA=='] },
      'x',
      400,
      'BadDigest',
    ],
    [
      'a body that does not match its checksum',
      'PUT',
      'k',
      { headers: ['x-amz-checksum-crc32c', 'AAAAAA=='] },
      'x',
      400,
      'BadDigest',
    ],
    ['a key that is too long', 'PUT', 'k'.repeat(1025), {}, 'x', 400, 'KeyTooLongError'],
    [
      'an XML bomb at completion',
      'POST',
      'k',
      { query: 'uploadId=u' },
      '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
      400,
      'MalformedXML',
    ],
    [
      'no part at completion',
      'POST',
      'k',
      { query: 'uploadId=u' },
      '<CompleteMultipartUpload/>',
      400,
      'MalformedXML',
    ],
    [
      '10,001 parts',
      'POST',
      'k',
      { query: 'uploadId=u' },
      `<CompleteMultipartUpload>${Array.from({ length: 10_001 }, (__, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>e</ETag></Part>`).join('')}</CompleteMultipartUpload>`,
      400,
      'MalformedXML',
    ],
    ['a bucket that is not there', 'GET', '../nowhere', {}, undefined, 400, 'InvalidBucketName'],
  ]
  it.each(cases)('%s', async (_, method, key, options, body, status, code) => {
    const path = key.startsWith('../') ? `/${key}/x` : `/${Bucket}/${key}`
    const answer = await call(method, path, options, body === undefined ? undefined : Buffer.from(body))
    expect(answer.text).toContain(`<Code>${code}</Code>`)
    expect(answer.status).toBe(status)
    expect(await exists('k')).toBe(false)
  })

  it('DeleteObjects without a digest', async () => {
    const body = Buffer.from('<Delete><Object><Key>a</Key></Object></Delete>')
    const answer = await call('POST', `/${Bucket}`, { query: 'delete=' }, body)
    expect(answer.text).toContain('Missing required header for this request: Content-MD5')
  })

  it('a clock that is wrong, which the server names', async () => {
    harness.skewMs = 16 * 60_000
    const answer = await call('GET', `/${Bucket}/k`)
    harness.skewMs = 0
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('<Code>RequestTimeTooSkewed</Code>')
    expect(answer.text).toContain('<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>')
  })
})

describe('virtual-host addressing', () => {
  it('finds the bucket in the host name', async () => {
    const host = `${Bucket}.localhost:${new URL(harness.url).port}`
    const put = await send('PUT', '/virtual/key', signed('PUT', '/virtual/key', { host }), Buffer.from('v'))
    expect(put.status).toBe(200)
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'virtual/key' }))
    expect(await got.Body!.transformToString()).toBe('v')
  })
})

describe('signed chunks', () => {
  const data = randomBytes(300_000)

  function chunked(seed: string, timestamp: string, forge: (chunk: string, index: number) => string): Buffer {
    const scope = { date: timestamp.slice(0, 8), region: REGION, service: 's3' }
    const key = signingKey(ACCESS_KEYS.acme, scope)
    const empty = createHash('sha256').digest('hex')
    let previous = seed
    const pieces: Buffer[] = []
    const chunks = [data.subarray(0, 100_000), data.subarray(100_000), Buffer.alloc(0)]
    for (const [index, chunk] of chunks.entries()) {
      const digest = createHash('sha256').update(chunk).digest('hex')
      const text = `AWS4-HMAC-SHA256-PAYLOAD\n${timestamp}\n${scope.date}/${REGION}/s3/aws4_request\n${previous}\n${empty}\n${digest}`
      previous = signText(key, text)
      pieces.push(
        Buffer.from(`${chunk.length.toString(16)};chunk-signature=${forge(previous, index)}\r\n`),
        chunk,
        Buffer.from('\r\n'),
      )
    }
    return Buffer.concat(pieces)
  }

  async function put(
    Key: string,
    forge: (chunk: string, index: number) => string,
    declared = data.length,
  ): Promise<Answer> {
    const path = `/${Bucket}/${Key}`
    const headers = signed('PUT', path, {
      headers: ['x-amz-decoded-content-length', String(declared), 'content-encoding', 'aws-chunked'],
      payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    })
    const seed = headers.at(-1)!.slice(-64)
    const timestamp = headers[headers.indexOf('x-amz-date') + 1]!
    const body = chunked(seed, timestamp, forge)
    return send('PUT', path, [...headers, 'content-length', String(body.length)], body)
  }

  it('are verified and their framing is not kept', async () => {
    expect((await put('signed', (chunk) => chunk)).status).toBe(200)
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'signed' }))
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(data)).toBe(true)
    expect(got.ContentEncoding).toBeUndefined()
  })

  it.each([0, 1, 2])('leave nothing when chunk %i is forged', async (forged) => {
    const answer = await put('forged', (chunk, index) => (index === forged ? '0'.repeat(64) : chunk))
    expect(answer.text).toContain('<Code>SignatureDoesNotMatch</Code>')
    expect(await exists('forged')).toBe(false)
  })

  it.each([data.length - 1, data.length + 1])(
    'leave nothing when %i bytes were declared',
    async (declared) => {
      const answer = await put('lying', (chunk) => chunk, declared)
      expect(answer.text).toContain('<Code>IncompleteBody</Code>')
      expect(await exists('lying')).toBe(false)
    },
  )
})

describe('a client that sends more than its Content-Length says', () => {
  it.each([5, 100_000, 300_000])('is answered with an error and leaves nothing: %i bytes', async (bytes) => {
    const path = `/${Bucket}/longer-${bytes}`
    const lines = signed('PUT', path).flatMap((entry, index, all) =>
      index % 2 === 0 ? [`${entry}: ${all[index + 1]}`] : [],
    )
    const request = `PUT ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: ${bytes}\r\n\r\n`
    const answer = await rawExchange(harness.url, request + 'x'.repeat(bytes + 3))
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('<Code>IncompleteBody</Code>')
    expect(await exists(`longer-${bytes}`)).toBe(false)
  })
})

describe('clients that leave', () => {
  it.each([1000, 200_000])('leave nothing behind, after %i of 400,000 bytes', async (sentBytes) => {
    const path = `/${Bucket}/left-${sentBytes}`
    const headers = signed('PUT', path)
    const url = new URL(harness.url)
    const lines = headers.flatMap((entry, index) =>
      index % 2 === 0 ? [`${entry}: ${headers[index + 1]}`] : [],
    )
    const socket = connect(Number(url.port), url.hostname)
    socket.write(`PUT ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: 400000\r\n\r\n`)
    socket.write(randomBytes(sentBytes))
    await expect
      .poll(() => harness.upstream.requests.some((line) => line.includes(`left-${sentBytes}`)))
      .toBe(true)
    socket.destroy()
    expect(await exists(`left-${sentBytes}`)).toBe(false)
  })

  it('and stores that are gone are told apart', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'gone', Body: 'x' }))
    await harness.store.stop()
    const answer = await call('GET', `/${Bucket}/gone`)
    expect(answer.status).toBe(502)
    expect(answer.text).toContain('<Reason>store-unreachable</Reason>')
    harness.store.stop = () => Promise.resolve()
  })
})
