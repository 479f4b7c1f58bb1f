import { describe, expect, it } from 'vitest'
import { S3Error } from '../../../src/protocol/s3/errors.ts'
import { signRequest } from '../../../src/protocol/s3/sign-request.ts'
import { EMPTY_SHA256 } from '../../../src/protocol/s3/signing-key.ts'
import { parseQuery } from '../../../src/protocol/s3/uri-encoding.ts'
import type { SignedRequest } from '../../../src/protocol/s3/verify-signature.ts'
import { verifySignature } from '../../../src/protocol/s3/verify-signature.ts'

// The examples of the Amazon S3 API reference, "Authenticating Requests".
const CREDENTIAL = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const EXAMPLE_TIME = Date.UTC(2013, 4, 24)
const options = {
  credentialOf: (id: string) => (id === CREDENTIAL.accessKeyId ? CREDENTIAL : undefined),
  region: 'us-east-1',
  now: () => EXAMPLE_TIME,
}

const EXAMPLE_CREDENTIAL = 'Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'

function getExample(): SignedRequest {
  return {
    method: 'GET',
    path: '/test.txt',
    query: [],
    headers: [
      'Host',
      'examplebucket.s3.amazonaws.com',
      'Authorization',
      `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
      'Range',
      'bytes=0-9',
      'x-amz-content-sha256',
      EMPTY_SHA256,
      'x-amz-date',
      '20130524T000000Z',
    ],
  }
}

const PRESIGNED_QUERY =
  'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'

function presignedExample(query = PRESIGNED_QUERY): SignedRequest {
  return {
    method: 'GET',
    path: '/test.txt',
    query: parseQuery(query),
    headers: ['Host', 'examplebucket.s3.amazonaws.com'],
  }
}

function signed(path: string, query = '', headers: string[] = [], nowMs = EXAMPLE_TIME): SignedRequest {
  const request = {
    method: 'PUT',
    path,
    query,
    host: 'localhost:1',
    headers,
    payloadHash: 'UNSIGNED-PAYLOAD',
  }
  return {
    method: 'PUT',
    path,
    query: parseQuery(query),
    headers: signRequest(request, CREDENTIAL, 'us-east-1', nowMs),
  }
}

function withHeader(request: SignedRequest, name: string, value: string): SignedRequest {
  const headers = [...request.headers]
  const index = headers.findIndex((entry, at) => at % 2 === 0 && entry.toLowerCase() === name.toLowerCase())
  if (index === -1) headers.push(name, value)
  else headers[index + 1] = value
  return { ...request, headers }
}

function codeOf(request: SignedRequest, further: Partial<typeof options> = {}): string {
  try {
    verifySignature(request, { ...options, ...further })
  } catch (thrown) {
    if (thrown instanceof S3Error) return thrown.s3Code
    throw thrown
  }
  return 'verified'
}

describe('signature in the Authorization header', () => {
  it('verifies the GET example of the S3 reference', () => {
    const verified = verifySignature(getExample(), options)
    expect(verified.credential).toBe(CREDENTIAL)
    expect(verified.payload).toEqual({ kind: 'digest', sha256: EMPTY_SHA256 })
  })

  it('compares the date of a credential with the time of each request, also of one it has seen', () => {
    expect(codeOf(getExample())).toBe('verified')
    const nextDay = { now: () => EXAMPLE_TIME + 24 * 60 * 60 * 1000 }
    const moved = withHeader(getExample(), 'x-amz-date', '20130525T000000Z')
    expect(codeOf(moved, nextDay)).toBe('AuthorizationHeaderMalformed')
    expect(codeOf(getExample())).toBe('verified')
  })

  it('verifies the PUT example with a key that needs encoding', () => {
    const request: SignedRequest = {
      method: 'PUT',
      path: '/test$file.text',
      query: [],
      headers: [
        'Host',
        'examplebucket.s3.amazonaws.com',
        'Date',
        'Fri, 24 May 2013 00:00:00 GMT',
        'Authorization',
        `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL},SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd`,
        'x-amz-date',
        '20130524T000000Z',
        'x-amz-storage-class',
        'REDUCED_REDUNDANCY',
        'x-amz-content-sha256',
        '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      ],
    }
    expect(codeOf(request)).toBe('verified')
  })

  it('verifies the list example with sorted query parameters', () => {
    const request: SignedRequest = {
      method: 'GET',
      path: '/',
      query: parseQuery('max-keys=2&prefix=J'),
      headers: [
        'Host',
        'examplebucket.s3.amazonaws.com',
        'Authorization',
        `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7`,
        'x-amz-content-sha256',
        EMPTY_SHA256,
        'x-amz-date',
        '20130524T000000Z',
      ],
    }
    expect(codeOf(request)).toBe('verified')
  })

  it.each([
    '/bucket/../..//a b/%F0%9F%98%80',
    '/bucket/a%2Fb/./c',
    '/bucket/a+b!*()\'"[]',
    `/bucket/${'%C3%A4'.repeat(512)}`,
  ])('takes the path as it is: %s', (path) => {
    expect(codeOf(signed(path))).toBe('verified')
  })

  it('refuses a replay with an altered header, method, path or query', () => {
    const request = getExample()
    expect(codeOf(withHeader(request, 'Range', 'bytes=0-10'))).toBe('SignatureDoesNotMatch')
    expect(codeOf({ ...request, method: 'HEAD' })).toBe('SignatureDoesNotMatch')
    expect(codeOf({ ...request, path: '/test.txt/' })).toBe('SignatureDoesNotMatch')
    expect(codeOf({ ...request, query: parseQuery('acl') })).toBe('SignatureDoesNotMatch')
  })

  it('refuses an unknown access key', () => {
    expect(codeOf(getExample(), { credentialOf: () => undefined })).toBe('InvalidAccessKeyId')
  })

  it('refuses a clock that differs by more than 15 minutes', () => {
    const minutes = 60_000
    expect(codeOf(getExample(), { now: () => EXAMPLE_TIME + 15 * minutes })).toBe('verified')
    expect(codeOf(getExample(), { now: () => EXAMPLE_TIME + 15 * minutes + 1 })).toBe('RequestTimeTooSkewed')
    expect(codeOf(getExample(), { now: () => EXAMPLE_TIME - 15 * minutes - 1 })).toBe('RequestTimeTooSkewed')
  })

  it('refuses another region or service and names the right one', () => {
    expect(codeOf(getExample(), { region: 'eu-central-1' })).toBe('AuthorizationHeaderMalformed')
    const sts = getExample().headers.map((entry) => entry.replace('/s3/', '/sts/'))
    expect(codeOf({ ...getExample(), headers: sts })).toBe('AuthorizationHeaderMalformed')
  })

  it('refuses an x-amz- header or a Host that is not signed', () => {
    expect(codeOf(withHeader(getExample(), 'x-amz-acl', 'public-read'))).toBe('AccessDenied')
    expect(codeOf(withHeader(getExample(), 'x-amz-meta-note', 'added'))).toBe('AccessDenied')
    const unsignedHost = getExample().headers.map((entry) => entry.replace('=host;', '='))
    expect(codeOf({ ...getExample(), headers: unsignedHost })).toBe('AccessDenied')
  })

  it('refuses a second Host header', () => {
    const request = getExample()
    expect(codeOf({ ...request, headers: [...request.headers, 'host', 'evil'] })).toBe('InvalidRequest')
  })

  it('refuses a request without x-amz-content-sha256, or with a value that S3 does not know', () => {
    const headers = getExample().headers
    const index = headers.indexOf('x-amz-content-sha256')
    expect(codeOf({ ...getExample(), headers: headers.toSpliced(index, 2) })).toBe('InvalidRequest')
    const request = {
      method: 'PUT',
      path: '/b/k',
      query: '',
      host: 'h',
      headers: [],
      payloadHash: 'STREAMING',
    }
    const odd = { ...signed('/b/k'), headers: signRequest(request, CREDENTIAL, 'us-east-1', EXAMPLE_TIME) }
    expect(codeOf(odd)).toBe('InvalidArgument')
  })

  it('refuses a session token', () => {
    expect(codeOf(withHeader(getExample(), 'x-amz-security-token', 'abc'))).toBe('InvalidToken')
  })

  it('refuses a request without authentication, and other mechanisms', () => {
    expect(codeOf({ ...getExample(), headers: ['Host', 'h'] })).toBe('AccessDenied')
    expect(codeOf(withHeader(getExample(), 'authorization', 'AWS AKIA:c2ln'))).toBe('InvalidRequest')
    expect(codeOf(withHeader(getExample(), 'authorization', 'Bearer t'))).toBe('InvalidRequest')
    expect(
      codeOf({ ...getExample(), headers: ['Host', 'h'], query: parseQuery('AWSAccessKeyId=a&Signature=b') }),
    ).toBe('InvalidRequest')
  })

  it.each([
    ['no components', 'AWS4-HMAC-SHA256 nothing'],
    ['no signature', `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL}, SignedHeaders=host`],
    ['no signed headers', `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL}, Signature=00`],
    ['short credential', 'AWS4-HMAC-SHA256 Credential=A/b/c, SignedHeaders=host, Signature=00'],
    [
      'another date',
      'AWS4-HMAC-SHA256 Credential=A/20130523/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00',
    ],
    [
      'another terminal',
      'AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/s3/aws5, SignedHeaders=host, Signature=00',
    ],
    [
      'unsorted headers',
      `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL}, SignedHeaders=x-amz-date;host, Signature=00`,
    ],
    [
      'a component twice',
      `AWS4-HMAC-SHA256 ${EXAMPLE_CREDENTIAL}, ${EXAMPLE_CREDENTIAL}, SignedHeaders=host, Signature=00`,
    ],
  ])('refuses a malformed Authorization: %s', (_, authorization) => {
    expect(codeOf(withHeader(getExample(), 'authorization', authorization))).toBe(
      'AuthorizationHeaderMalformed',
    )
  })

  it('refuses a date that does not exist', () => {
    expect(codeOf(withHeader(getExample(), 'x-amz-date', '20130532T000000Z'))).toBe('AccessDenied')
  })
})

describe('presigned query', () => {
  it('verifies the example of the S3 reference', () => {
    const verified = verifySignature(presignedExample(), options)
    expect(verified.place).toBe('query')
    expect(verified.payload).toEqual({ kind: 'unsigned' })
  })

  it('expires', () => {
    const expiry = EXAMPLE_TIME + 86_400_000
    expect(codeOf(presignedExample(), { now: () => expiry })).toBe('verified')
    try {
      verifySignature(presignedExample(), { ...options, now: () => expiry + 1 })
      expect.unreachable()
    } catch (thrown) {
      expect(thrown).toMatchObject({ s3Code: 'AccessDenied', message: 'Request has expired', status: 403 })
    }
  })

  it('is not valid before its date', () => {
    expect(codeOf(presignedExample(), { now: () => EXAMPLE_TIME - 16 * 60_000 })).toBe('AccessDenied')
  })

  it.each([
    ['more than seven days', 'X-Amz-Expires=86400', 'X-Amz-Expires=604801'],
    ['a negative lifetime', 'X-Amz-Expires=86400', 'X-Amz-Expires=-1'],
    ['no lifetime', 'X-Amz-Expires=86400', 'x-id=GetObject'],
    ['a second lifetime', 'X-Amz-Expires=86400', 'X-Amz-Expires=1&X-Amz-Expires=2'],
    ['another algorithm', 'AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'],
    ['another region', 'us-east-1', 'eu-west-1'],
    ['another service', '%2Fs3%2F', '%2Fsqs%2F'],
  ])('refuses %s', (_, from, to) => {
    expect(codeOf(presignedExample(PRESIGNED_QUERY.replace(from, to)))).toBe(
      'AuthorizationQueryParametersError',
    )
  })

  it('refuses a changed lifetime', () => {
    const longer = PRESIGNED_QUERY.replace('X-Amz-Expires=86400', 'X-Amz-Expires=86401')
    expect(codeOf(presignedExample(longer))).toBe('SignatureDoesNotMatch')
  })

  it('refuses an added parameter', () => {
    expect(codeOf(presignedExample(`${PRESIGNED_QUERY}&versionId=1`))).toBe('SignatureDoesNotMatch')
  })

  it('refuses a header and a query signature together', () => {
    const both = { ...presignedExample(), headers: getExample().headers }
    expect(codeOf(both)).toBe('InvalidArgument')
  })

  it('refuses a session token', () => {
    expect(codeOf(presignedExample(`${PRESIGNED_QUERY}&X-Amz-Security-Token=t`))).toBe('InvalidToken')
  })
})
