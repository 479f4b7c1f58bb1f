import { createHash } from 'node:crypto'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { signingKey, signText } from '../../src/protocol/s3/signing-key.ts'
import { RawConnection } from '../support/raw-http.ts'
import { s3Scene } from '../support/s3-scene.ts'
import { ACCESS_KEYS, BUCKET, REGION, type RawS3Request } from '../support/s3-world.ts'

const MEBIBYTE = 1024 * 1024
const DATA = Buffer.from('content of an attachment')
const PATH = `/${BUCKET}/refused/object`
const MINUTE_MS = 60_000

const s3 = s3Scene()

/** Keys below `refused/` that the store itself has. */
async function stored(): Promise<string[]> {
  const listed = await s3.direct.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'refused/' }))
  return (listed.Contents ?? []).map(({ Key }) => Key!)
}

const put = (more: Partial<RawS3Request> = {}): RawS3Request => ({
  method: 'PUT',
  path: PATH,
  body: DATA,
  headers: ['content-length', String(DATA.length)],
  ...more,
})

const digest = (algorithm: string, text: string): string =>
  createHash(algorithm).update(text).digest('base64')

describe('a write that is not right is refused with the code of S3 and leaves nothing', () => {
  afterEach(async () => expect(await stored()).toEqual([]))

  const cases: [name: string, request: RawS3Request, status: number, code: string][] = [
    [
      'wrong secret',
      put({ credential: { ...ACCESS_KEYS.acme, secretAccessKey: 'x'.repeat(40) } }),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'unknown access key',
      put({ credential: { accessKeyId: 'PORTCULLIS0000NOBODY', secretAccessKey: 'x'.repeat(40) } }),
      403,
      'InvalidAccessKeyId',
    ],
    ['clock behind', put({ skewMs: -16 * MINUTE_MS }), 403, 'RequestTimeTooSkewed'],
    ['clock ahead', put({ skewMs: 16 * MINUTE_MS }), 403, 'RequestTimeTooSkewed'],
    [
      'replayed with an altered header',
      put({
        headers: ['content-length', String(DATA.length), 'x-amz-meta-owner', 'alice'],
        tamper: ({ headers }) => (headers[headers.indexOf('alice')] = 'mallory'),
      }),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'replayed with an added x-amz- header',
      put({ tamper: ({ headers }) => headers.push('x-amz-acl', 'public-read') }),
      403,
      'AccessDenied',
    ],
    [
      'replayed at another key',
      put({ tamper: (sent) => (sent.path = `/${BUCKET}/refused/another`) }),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'body other than its signed hash',
      put({ payloadHash: 'ab'.repeat(32) }),
      400,
      'XAmzContentSHA256Mismatch',
    ],
    [
      'Content-MD5 of another body',
      put({ headers: ['content-length', String(DATA.length), 'content-md5', digest('md5', 'other')] }),
      400,
      'BadDigest',
    ],
    [
      'Content-MD5 that is none',
      put({ headers: ['content-length', String(DATA.length), 'content-md5', 'nonsense'] }),
      400,
      'InvalidDigest',
    ],
    [
      'checksum of another body',
      put({
        headers: ['content-length', String(DATA.length), 'x-amz-checksum-sha256', digest('sha256', 'other')],
      }),
      400,
      'BadDigest',
    ],
    [
      'checksum that is too short',
      put({ headers: ['content-length', String(DATA.length), 'x-amz-checksum-sha256', 'AAAA'] }),
      400,
      'InvalidRequest',
    ],
    [
      'decoded length that is no number',
      put({
        payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers: ['content-encoding', 'aws-chunked', 'x-amz-decoded-content-length', '-1'],
      }),
      400,
      'InvalidArgument',
    ],
    [
      'chunked without a decoded length',
      put({
        payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers: ['content-encoding', 'aws-chunked', 'content-length', String(DATA.length)],
      }),
      411,
      'MissingContentLength',
    ],
    [
      'header that could bypass encryption',
      put({ headers: ['x-amz-write-offset-bytes', '5'] }),
      501,
      'NotImplemented',
    ],
    [
      'customer-provided key',
      put({ headers: ['x-amz-server-side-encryption-customer-algorithm', 'AES256'] }),
      501,
      'NotImplemented',
    ],
    ['key of 1,025 bytes', put({ path: `/${BUCKET}/${'x'.repeat(1_025)}` }), 400, 'KeyTooLongError'],
    ['key that is no UTF-8', put({ path: `/${BUCKET}/refused/%ff` }), 400, 'InvalidURI'],
    ['bucket that is not the key’s', put({ credential: ACCESS_KEYS.elsewhere }), 403, 'AccessDenied'],
  ]
  it.each(cases)('%s', async (_name, request, status, code) => {
    expect(await s3.world.send(request)).toMatchObject({ status, code })
  })

  it.each([
    ['one byte less than announced', DATA.length - 1],
    ['one byte more than announced', DATA.length + 1],
  ])('aws-chunked: %s', async (_name, decodedBytes) => {
    const body = Buffer.from(`${DATA.length.toString(16)}\r\n${DATA.toString()}\r\n0\r\n\r\n`)
    const answer = await s3.world.send(
      put({
        payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers: [
          'content-encoding',
          'aws-chunked',
          'x-amz-decoded-content-length',
          String(decodedBytes),
          'content-length',
          String(body.length),
        ],
        body,
      }),
    )
    expect(answer).toMatchObject({ status: 400, code: 'IncompleteBody' })
  })

  it.each([
    ['wrong trailer', digest('sha256', 'other'), 'BadDigest'],
    ['missing trailer', undefined, 'MalformedTrailerError'],
  ])('aws-chunked: %s', async (_name, checksum, code) => {
    const trailer = checksum === undefined ? '' : `x-amz-checksum-sha256:${checksum}\r\n`
    const body = Buffer.from(`${DATA.length.toString(16)}\r\n${DATA.toString()}\r\n0\r\n${trailer}\r\n`)
    const headers = ['content-encoding', 'aws-chunked', 'x-amz-decoded-content-length', String(DATA.length)]
    headers.push('x-amz-trailer', 'x-amz-checksum-sha256', 'content-length', String(body.length))
    const answer = await s3.world.send(
      put({ payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', headers, body }),
    )
    expect(answer).toMatchObject({ status: 400, code })
  })

  it.each([
    [
      'forged',
      (signature: string) => signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      403,
      'SignatureDoesNotMatch',
    ],
    ['truncated', (signature: string) => signature.slice(0, 63), 400, 'InvalidRequest'],
    ['missing', () => '', 400, 'InvalidRequest'],
  ])('aws-chunked: %s chunk signature', async (_name, change, status, code) => {
    expect(await s3.world.send(signedChunks(change))).toMatchObject({ status, code })
  })

  it.each([
    ['200,000 of 400,000 bytes', 200_000],
    ['no byte', 0],
  ])('a body of which %s arrive before the client leaves', async (_name, bytes) => {
    await new Promise<void>((resolve) => {
      const request = put({ headers: ['content-length', '400000'] })
      let connection: RawConnection | undefined
      const sent = (headers: string[]): void => {
        const lines = headers.flatMap((entry, index) =>
          index % 2 === 0 ? [`${entry}: ${headers[index + 1]}`] : [],
        )
        connection = new RawConnection(s3.world.url)
        connection.send(`PUT ${PATH} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${'x'.repeat(bytes)}`)
        setTimeout(() => {
          connection!.close()
          resolve()
        }, 200)
      }
      // Signed as usual and sent by hand: a request of its own would wait for a body that nobody sends.
      const tamper = ({ headers }: { headers: readonly string[] }): never => {
        sent([...headers])
        throw new Error('sent by hand')
      }
      expect(() => s3.world.send({ ...request, body: Buffer.alloc(0), tamper })).toThrow('sent by hand')
    })
  })
})

/** A body in one signed chunk, whose signature `change` spoils. */
function signedChunks(change: (signature: string) => string): RawS3Request {
  // The length of the body is signed, so it must be right.
  const framing = `${DATA.length.toString(16)};chunk-signature=${change('0'.repeat(64))}\r\n`.length + 2
  const last = `0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`.length
  const request: RawS3Request = {
    method: 'PUT',
    path: PATH,
    payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    headers: [
      'content-encoding',
      'aws-chunked',
      'x-amz-decoded-content-length',
      String(DATA.length),
      'content-length',
      String(framing + DATA.length + last),
    ],
  }
  let body = Buffer.alloc(0)
  return {
    ...request,
    get body() {
      return body
    },
    tamper: ({ headers }) => {
      const value = (name: string): string =>
        headers[headers.findIndex((each) => each.toLowerCase() === name) + 1]!
      const date = value('x-amz-date')
      const scope = `${date.slice(0, 8)}/${REGION}/s3/aws4_request`
      const key = signingKey(ACCESS_KEYS.acme, { date: date.slice(0, 8), region: REGION, service: 's3' })
      const empty = createHash('sha256').update('').digest('hex')
      let previous = /Signature=(\w+)/.exec(value('authorization'))![1]!
      const sign = (data: Buffer): string => {
        const hashed = createHash('sha256').update(data).digest('hex')
        previous = signText(
          key,
          ['AWS4-HMAC-SHA256-PAYLOAD', date, scope, previous, empty, hashed].join('\n'),
        )
        return previous
      }
      const chunk = (data: Buffer, spoil = (signature: string): string => signature): Buffer =>
        Buffer.concat([
          Buffer.from(`${data.length.toString(16)};chunk-signature=${spoil(sign(data))}\r\n`),
          data,
          Buffer.from('\r\n'),
        ])
      body = Buffer.concat([chunk(DATA, change), chunk(Buffer.alloc(0))])
    },
  }
}

describe('presigned URLs', () => {
  const query = (date: string, expires: number): string =>
    [
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      `X-Amz-Credential=${ACCESS_KEYS.acme.accessKeyId}%2F${date.slice(0, 8)}%2F${REGION}%2Fs3%2Faws4_request`,
      `X-Amz-Date=${date}`,
      `X-Amz-Expires=${expires}`,
      `X-Amz-Signature=${'0'.repeat(64)}`,
      'X-Amz-SignedHeaders=host',
    ].join('&')

  it.each([
    ['expired', '20200101T000000Z', 60, 403, 'AccessDenied'],
    ['valid for too long', '20200101T000000Z', 604_801, 400, 'AuthorizationQueryParametersError'],
  ])('%s', async (_name, date, expires, status, code) => {
    const answer = await fetch(`${s3.world.url}${PATH}?${query(date, expires)}`)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(`<Code>${code}</Code>`)
  })
})

describe('keys of any kind name one object each', () => {
  const keys = [
    '..',
    '../up',
    'a/../b',
    'a//b',
    '/a',
    'a%2Fb',
    'a/b',
    '\u{1f512}\u{1f600}',
    'ä ö+&=?#',
    'x'.repeat(1_024),
  ]

  it.each(keys)('%s', async (Key) => {
    const Body = Buffer.from(`content of ${Key}`)
    await s3.acme.send(new PutObjectCommand({ Bucket: BUCKET, Key: `keys/${Key}`.slice(0, 1_024), Body }))
    const got = await s3.acme.send(
      new GetObjectCommand({ Bucket: BUCKET, Key: `keys/${Key}`.slice(0, 1_024) }),
    )
    expect(await got.Body!.transformToString()).toBe(Body.toString())
  })

  it('and are listed as they were written', async () => {
    const listed = await s3.acme.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'keys/' }))
    const wanted = keys.map((key) => `keys/${key}`.slice(0, 1_024))
    expect(new Set(listed.Contents!.map(({ Key }) => Key))).toEqual(new Set(wanted))
  })
})

describe('ranges', () => {
  beforeAll(async () => {
    await s3.acme.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: 'ranges', Body: Buffer.alloc(100_000, 7) }),
    )
    await s3.acme.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'empty', Body: '' }))
  })

  it.each([
    ['ranges', 'bytes=100000-', 416],
    ['ranges', 'bytes=100000-100001', 416],
    ['ranges', 'bytes=-0', 416],
    ['empty', 'bytes=0-0', 416],
    ['ranges', 'bytes=99999-200000', 206],
    ['ranges', 'bytes=-200000', 206],
    ['ranges', 'bytes=5-1', 200],
    ['ranges', 'bytes=a-b', 200],
  ])('%s of %s: %i', async (key, range, status) => {
    const answer = await s3.world.send({
      method: 'GET',
      path: `/${BUCKET}/${key}`,
      headers: ['range', range],
    })
    expect(answer.status).toBe(status)
    if (status !== 416) return
    expect(answer.code).toBe('InvalidRange')
    expect(answer.headers['content-range']).toBe(`bytes */${key === 'empty' ? 0 : 100_000}`)
  })
})

describe('documents', () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">${Array.from(
    { length: 9 },
    (_, level) => `<!ENTITY a${level} "${`&a${level === 0 ? '' : level - 1};`.repeat(10)}">`,
  ).join('')}]><Delete><Object><Key>&a8;</Key></Object></Delete>`

  const emptyCode: Record<string, string> = { 'delete=': 'InvalidRequest', 'uploadId=none': 'MalformedXML' }

  it.each([
    ['entities that expand', bomb],
    ['an external entity', '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete>&x;</Delete>'],
    ['a thousand levels', '<a>'.repeat(1_000) + '</a>'.repeat(1_000)],
    ['an end that is missing', '<Delete><Object>'],
    ['no XML', '{"Delete":true}'],
    ['nothing', ''],
  ])('with %s are refused', async (_name, text) => {
    for (const query of ['delete=', 'uploadId=none']) {
      const body = Buffer.from(text)
      const path = query === 'delete=' ? `/${BUCKET}` : PATH
      const headers = ['content-length', String(body.length), 'content-md5', digest('md5', text)]
      const answer = await s3.world.send({ method: 'POST', path, query, headers, body })
      expect(answer.status).toBe(400)
      expect(answer.code).toBe(text === '' ? emptyCode[query] : 'MalformedXML')
    }
  })

  it.each([
    ['delete=', `/${BUCKET}`],
    ['uploadId=none', PATH],
  ])('of 10 MB are refused unread: %s', async (query, path) => {
    const body = Buffer.alloc(10_000_000, '<a>')
    const headers = ['content-length', String(body.length), 'content-md5', digest('md5', body.toString())]
    const answer = await s3.world.send({ method: 'POST', path, query, headers, body })
    expect(answer).toMatchObject({ status: 400, code: 'MaxMessageLengthExceeded' })
  })
})

describe('multipart uploads', () => {
  let UploadId: string
  let small: string
  let full: string
  const Key = 'refused/parts'

  beforeAll(async () => {
    UploadId = (await s3.acme.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key }))).UploadId!
    const part = (PartNumber: number, bytes: number) =>
      s3.acme.send(
        new UploadPartCommand({ Bucket: BUCKET, Key, UploadId, PartNumber, Body: Buffer.alloc(bytes) }),
      )
    full = (await part(1, 5 * MEBIBYTE)).ETag!
    small = (await part(2, 5 * MEBIBYTE - 1)).ETag!
    await part(3, 10)
  })

  const complete = (Parts: CompletedPart[], upload = UploadId) =>
    s3.acme.send(
      new CompleteMultipartUploadCommand({
        Bucket: BUCKET,
        Key,
        UploadId: upload,
        MultipartUpload: { Parts },
      }),
    )

  it('refuse part numbers outside 1 to 10,000', async () => {
    for (const number of ['0', '10001', '-1', 'x', '1e3']) {
      const query = `partNumber=${number}&uploadId=${UploadId}`
      const answer = await s3.world.send(put({ path: `/${BUCKET}/${Key}`, query }))
      expect(answer, number).toMatchObject({ status: 400, code: 'InvalidArgument' })
    }
  })

  it('refuse a list of 10,001 parts', async () => {
    const Parts = Array.from({ length: 10_001 }, (_, index) => ({ PartNumber: index + 1, ETag: full }))
    await expect(complete(Parts)).rejects.toMatchObject({
      name: 'MalformedXML',
      $metadata: { httpStatusCode: 400 },
    })
  })

  it('refuse parts below 5 MiB that are not the last', async () => {
    const parts = await s3.acme.send(new ListPartsCommand({ Bucket: BUCKET, Key, UploadId }))
    const Parts = parts.Parts!.map(({ PartNumber, ETag }) => ({ PartNumber: PartNumber!, ETag: ETag! }))
    await expect(complete(Parts)).rejects.toMatchObject({ name: 'EntityTooSmall' })
  })

  it.each([
    ['wrong ETags', () => [{ PartNumber: 1, ETag: small }], 'InvalidPart'],
    [
      'parts that were never uploaded',
      () => [
        { PartNumber: 1, ETag: full },
        { PartNumber: 2, ETag: full },
      ],
      'InvalidPart',
    ],
    [
      'a gap',
      (): CompletedPart[] => [
        { PartNumber: 1, ETag: full },
        { PartNumber: 3, ETag: full },
      ],
      'InvalidPart',
    ],
    [
      'wrong checksum of a part',
      () => [{ PartNumber: 1, ETag: full, ChecksumCRC32: 'AAAAAA==' }],
      'InvalidPart',
    ],
    [
      'wrong order',
      () => [
        { PartNumber: 2, ETag: small },
        { PartNumber: 1, ETag: full },
      ],
      'InvalidPartOrder',
    ],
    [
      'the same part twice',
      () => [
        { PartNumber: 1, ETag: full },
        { PartNumber: 1, ETag: full },
      ],
      'InvalidPartOrder',
    ],
  ])('refuse a completion with %s', async (_name, parts, name) => {
    await expect(complete(parts())).rejects.toMatchObject({ name })
  })

  it('refuse an upload that there is not', async () => {
    const parts = [{ PartNumber: 1, ETag: full }]
    await expect(complete(parts, 'none')).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })

  it('leave no object by any of that, and stay open', async () => {
    expect(await stored()).toEqual([])
    const { Uploads } = await s3.acme.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }))
    expect(Uploads!.map((upload) => upload.UploadId)).toContain(UploadId)
  })
})
