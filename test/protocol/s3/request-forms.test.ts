import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../../src/protocol/s3/address.ts'
import { evaluateConditions, matchesEtag } from '../../../src/protocol/s3/conditions.ts'
import { s3ErrorDocument, s3Face } from '../../../src/protocol/s3/error-document.ts'
import { S3Error } from '../../../src/protocol/s3/errors.ts'
import { recognise } from '../../../src/protocol/s3/operations.ts'
import { contentRange, parseRange, resolveRange } from '../../../src/protocol/s3/ranges.ts'
import { parseQuery } from '../../../src/protocol/s3/uri-encoding.ts'
import { PortcullisError } from '../../../src/errors.ts'

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof S3Error) return thrown.s3Code
    throw thrown
  }
  return 'accepted'
}

describe('ranges', () => {
  it.each([
    ['bytes=0-0', 10, '0-0'],
    ['bytes=2-5', 10, '2-5'],
    ['bytes=2-', 10, '2-9'],
    ['bytes=2-99', 10, '2-9'],
    ['bytes=-3', 10, '7-9'],
    ['bytes=-99', 10, '0-9'],
    ['Bytes= 1-2', 10, '1-2'],
    ['bytes=9-9', 10, '9-9'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-20', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    ['bytes=5-2', 10, 'ignored'],
    ['bytes=0-1,3-4', 10, 'ignored'],
    ['bytes=-', 10, 'ignored'],
    ['bytes=a-b', 10, 'ignored'],
    ['items=0-1', 10, 'ignored'],
    ['bytes=99999999999999999999-', 10, 'unsatisfiable'],
    ['bytes=0-99999999999999999999', 10, '0-9'],
    ['bytes=-99999999999999999999', 10, '0-9'],
  ])('%s of %i bytes is %s', (header, size, expected) => {
    const request = parseRange(header)
    const range = request === undefined ? 'ignored' : (resolveRange(request, size) ?? 'unsatisfiable')
    expect(typeof range === 'string' ? range : `${range.start}-${range.end}`).toBe(expected)
  })

  it('names range and size', () => {
    expect(contentRange({ start: 1, end: 2 }, 10)).toBe('bytes 1-2/10')
  })
})

describe('conditions', () => {
  const object = { etag: '"abc-2"', lastModifiedMs: Date.UTC(2026, 0, 1, 12, 0, 0, 500) }
  const none = {
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
  }
  const same = 'Thu, 01 Jan 2026 12:00:00 GMT'
  const earlier = 'Thu, 01 Jan 2026 11:59:59 GMT'
  it.each([
    [{}, 'met'],
    [{ ifMatch: '"abc-2"' }, 'met'],
    [{ ifMatch: 'abc-2' }, 'met'],
    [{ ifMatch: '*' }, 'met'],
    [{ ifMatch: '"x", "abc-2"' }, 'met'],
    [{ ifMatch: '"x"' }, 'failed'],
    [{ ifNoneMatch: '"abc-2"' }, 'not-modified'],
    [{ ifNoneMatch: '*' }, 'not-modified'],
    [{ ifNoneMatch: '"x"' }, 'met'],
    [{ ifModifiedSince: same }, 'not-modified'],
    [{ ifModifiedSince: earlier }, 'met'],
    [{ ifModifiedSince: 'yesterday' }, 'met'],
    [{ ifUnmodifiedSince: same }, 'met'],
    [{ ifUnmodifiedSince: earlier }, 'failed'],
    [{ ifUnmodifiedSince: 'yesterday' }, 'met'],
    [{ ifMatch: '"abc-2"', ifUnmodifiedSince: earlier }, 'met'],
    [{ ifNoneMatch: '"x"', ifModifiedSince: same }, 'met'],
  ])('%j leads to %s', (conditions, expected) => {
    expect(evaluateConditions({ ...none, ...conditions }, object)).toBe(expected)
  })

  it('takes a weak entity tag as its strong one', () => {
    expect(matchesEtag('W/"abc-2"', object.etag)).toBe(true)
  })
})

describe('addresses', () => {
  const addressing = { virtualHostDomains: ['s3.test'] }
  const address = (path: string, host = 'localhost:1'): unknown => parseAddress(path, host, addressing)

  it.each([
    ['/bucket/a/../b', 'a/../b'],
    ['/bucket//a//b', '/a//b'],
    ['/bucket/a%2Fb', 'a/b'],
    ['/bucket/a%252Fb', 'a%2Fb'],
    ['/bucket/%F0%9F%98%80', '\u{1f600}'],
    ['/bucket/a+b c', 'a+b c'],
    ['/bucket/.', '.'],
    [`/bucket/${'%C3%A4'.repeat(512)}`, 'ä'.repeat(512)],
  ])('takes the key of %s as it is', (path, key) => {
    expect(address(path)).toEqual({ level: 'object', bucket: 'bucket', key })
  })

  it('finds the bucket in the host', () => {
    expect(address('/a/b', 'my.bucket.s3.test:9000')).toEqual({
      level: 'object',
      bucket: 'my.bucket',
      key: 'a/b',
    })
    expect(address('/', 'bucket.s3.test')).toEqual({ level: 'bucket', bucket: 'bucket' })
    expect(address('/bucket', 's3.test')).toEqual({ level: 'bucket', bucket: 'bucket' })
    expect(address('/')).toEqual({ level: 'service' })
    expect(address('/bucket/')).toEqual({ level: 'bucket', bucket: 'bucket' })
  })

  it.each([
    [`/bucket/${'a'.repeat(1025)}`, 'KeyTooLongError'],
    ['/bucket/%FF', 'InvalidURI'],
    ['/bucket/%G0', 'InvalidURI'],
    ['/bucket/a%', 'InvalidURI'],
    ['//a', 'InvalidURI'],
    ['/../a', 'InvalidBucketName'],
    ['/a/b', 'InvalidBucketName'],
    ['/b%2Fc/d', 'InvalidBucketName'],
  ])('refuses %s', (path, code) => {
    expect(codeOf(() => address(path))).toBe(code)
  })
})

describe('operations', () => {
  const bucket = { level: 'bucket', bucket: 'bucket' } as const
  const object = { level: 'object', bucket: 'bucket', key: 'k' } as const
  it.each([
    ['GET', object, '', false, 'GetObject'],
    ['GET', object, 'x-id=GetObject&partNumber=2&versionId=v', false, 'GetObject'],
    ['PUT', object, '', true, 'CopyObject'],
    ['PUT', object, 'partNumber=1&uploadId=u', false, 'UploadPart'],
    ['PUT', object, 'partNumber=1&uploadId=u', true, 'UploadPartCopy'],
    ['POST', object, 'uploads=', false, 'CreateMultipartUpload'],
    ['POST', object, 'uploadId=u', false, 'CompleteMultipartUpload'],
    ['GET', bucket, 'list-type=2&prefix=a', false, 'ListObjectsV2'],
    ['GET', bucket, 'delimiter=/', false, 'ListObjects'],
    ['POST', bucket, 'delete', false, 'DeleteObjects'],
    ['GET', { level: 'service' } as const, '', false, 'ListBuckets'],
    ['GET', { level: 'service' } as const, 'usage=', false, 'GetUsage'],
    ['HEAD', bucket, 'read-stats=true', false, 'HeadBucket'],
    ['POST', bucket, '', false, 'PostObject'],
  ] as const)('%s %j ?%s (copies: %s) is %s', (method, address, query, copies, name) => {
    expect(recognise(method, address, parseQuery(query), copies).name).toBe(name)
  })

  it.each([
    ['POST', object, 'select&select-type=2', 'NotImplemented'],
    ['POST', object, 'select', 'NotImplemented'],
    ['PUT', object, 'append&position=0', 'NotImplemented'],
    ['PUT', object, 'anything', 'NotImplemented'],
    ['GET', object, 'acl&tagging', 'InvalidArgument'],
    ['PUT', bucket, 'uploads', 'NotImplemented'],
    ['PATCH', object, '', 'MethodNotAllowed'],
    ['POST', object, '', 'MethodNotAllowed'],
    ['DELETE', { level: 'service' } as const, '', 'MethodNotAllowed'],
  ] as const)('refuses %s %j ?%s with %s', (method, address, query, code) => {
    expect(codeOf(() => recognise(method, address, parseQuery(query), false))).toBe(code)
  })
})

describe('errors', () => {
  it('show a suspension as S3 XML with what the problem body has', () => {
    const error = new PortcullisError('tenant-suspended', 'Suspended.', {
      retryAfterSeconds: 5,
      headers: { 'Suspension-Reason': 'key-disabled' },
      members: { reason: 'key-disabled', suspensionId: 's-1' },
    })
    const face = s3Face(error, { requestId: 'r-1', tenant: 'site' })
    expect(face.status).toBe(423)
    expect(face.headers).toEqual(
      expect.arrayContaining(['Retry-After', '5', 'Suspension-Reason', 'key-disabled', 'application/xml']),
    )
    const body = face.body.toString()
    expect(body).toContain('<Code>TenantSuspended</Code>')
    expect(body).toContain('<Reason>key-disabled</Reason><SuspensionId>s-1</SuspensionId>')
    expect(body).toContain('<RequestId>r-1</RequestId>')
  })

  it('keep the status of a refusal that S3 has no code for', () => {
    const face = s3Face(new PortcullisError('store-response-invalid', 'No.'), {
      requestId: 'r',
      tenant: undefined,
    })
    expect(face.status).toBe(502)
    expect(face.body.toString()).toContain(
      '<Code>InternalError</Code><Message>No.</Message><Reason>store-response-invalid</Reason>',
    )
  })

  it('escape what the client sent', () => {
    const document = s3ErrorDocument(new S3Error('NoSuchKey', undefined, { Key: '<a&b>' }), {
      requestId: 'r',
      resource: '/b/<a&b>',
    })
    expect(document).toContain('<Key>&lt;a&amp;b&gt;</Key><Resource>/b/&lt;a&amp;b&gt;</Resource>')
  })
})
