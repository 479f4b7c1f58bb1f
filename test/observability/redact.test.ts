import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact, redactError, redactPath, redactText } from '../../src/observability/redact.ts'

const SECRET = 'hunter2'

function shown(value: unknown): string {
  return JSON.stringify(redact(value)) ?? 'undefined'
}

describe('values in a log line', () => {
  it.each([
    ['authorization'],
    ['Authorization'],
    ['portcullis-authorization'],
    ['Portcullis_Authorization'],
    ['proxy-authorization'],
    ['cookie'],
    ['set-cookie'],
    ['x-amz-security-token'],
    ['sessionToken'],
    ['accessToken'],
    ['secretAccessKey'],
    ['accessKeyId'],
    ['password'],
    ['passphrase'],
    ['signature'],
    ['x-amz-signature'],
    ['apiKey'],
    ['privateKey'],
    ['externalId'],
    ['tenantKey'],
    ['plaintext'],
    ['ciphertext'],
    ['body'],
    ['content'],
    ['payload'],
    ['headers'],
    ['rawHeaders'],
    ['query'],
    ['credentials'],
  ])('leave out what stands under %s', (name) => {
    expect(shown({ [name]: SECRET })).not.toContain(SECRET)
    expect(shown({ a: [{ [name]: { deep: SECRET } }] })).not.toContain(SECRET)
  })

  it.each([
    ['keyId'],
    ['authorityId'],
    ['requestId'],
    ['store'],
    ['region'],
    ['reason'],
    ['caller'],
    ['status'],
    ['awsRequestId'],
  ])('keep what stands under %s', (name) => {
    expect(shown({ [name]: 'visible' })).toContain('visible')
  })

  it('give the size of bytes and not the bytes', () => {
    expect(redact({ a: Buffer.from(SECRET), b: new Uint8Array(3), c: new ArrayBuffer(4) })).toEqual({
      a: '[7 bytes]',
      b: '[3 bytes]',
      c: '[4 bytes]',
    })
  })

  it('name the class of objects that are not plain, and look no further', () => {
    class Request {
      readonly text = SECRET
    }
    expect(redact(new Request())).toBe('[Request]')
    expect(redact(new Map([[SECRET, SECRET]]))).toBe('[Map]')
  })

  it('do not call a toJSON', () => {
    expect(shown({ toJSON: () => SECRET })).not.toContain(SECRET)
  })

  it('are bounded in depth, width and length', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(shown(circle)).toContain('[deeper]')
    expect(shown(Array.from({ length: 10_000 }, () => 'x'.repeat(100))).length).toBeLessThan(10_000)
    expect(redactText('x'.repeat(100_000)).length).toBeLessThan(3_000)
  })

  it('are made without an exception from anything', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withTypedArray: true,
          withSparseArray: true,
        }),
        (value) => {
          JSON.stringify(redact(value))
        },
      ),
    )
  })
})

describe('texts in a log line', () => {
  it.each([
    [`Bearer ${SECRET}`],
    [`authorization: Bearer ${SECRET}`],
    [`Portcullis-Authorization: ${SECRET}`],
    [`Cookie: session=${SECRET}`],
    [`AWS4-HMAC-SHA256 Credential=AKIA/20260101, SignedHeaders=host, Signature=${SECRET}`],
    [`/bucket/key?X-Amz-Signature=${SECRET}&X-Amz-Expires=60`],
    [`https://s3.example/key?X-Amz-Security-Token=${SECRET}`],
    [`x-amz-security-token=${SECRET}`],
    [`/search?jql=${SECRET}`],
    [`GET /search?${SECRET} failed`],
    [`/search?a=1&${SECRET}%20text`],
    [`https://user:${SECRET}@store.example/`],
    [`-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`],
    [`-----BEGIN PRIVATE KEY-----\n${SECRET}`],
    [`~pc1~${SECRET}`],
  ])('lose the secret of %j', (text) => {
    expect(redactText(text)).not.toContain(SECRET)
  })

  it('keep the names of a query', () => {
    expect(redactText('/rest/search?jql=x&startAt=50')).toBe('/rest/search?jql=…&startAt=…')
  })
})

describe('paths in a log line', () => {
  it.each([
    ['/jira/issue/10001', '/jira/issue/10001'],
    ['/jira/issue/10001?fields=summary', '/jira/issue/10001'],
    ['/jira/issue/10001#x', '/jira/issue/10001'],
    ['/jira/issue/hello%20world', '/jira/issue/…'],
    [`/jira/${'x'.repeat(65)}`, '/jira/…'],
    ['/jira/PROJ-1:a@b', '/jira/PROJ-1:a@b'],
  ])('of %j is %j', (target, path) => {
    expect(redactPath(target)).toBe(path)
  })
})

describe('errors in a log line', () => {
  it('do not repeat what JSON.parse repeats', () => {
    let error: unknown
    try {
      JSON.parse(`{"summary": ${SECRET}}`)
    } catch (thrown) {
      error = thrown
    }
    expect(String(error)).toContain('hunter')
    expect(JSON.stringify(redactError(error))).not.toContain('hunter')
  })

  it.each([
    [new TypeError(`The argument must be of type string. Received '${SECRET}'`)],
    [new TypeError(`Invalid value. Received ${SECRET}`)],
    [new Error(`cannot parse "${SECRET}"`)],
    [new Error(`bad header\nAuthorization: ${SECRET}`)],
    [new Error('outer', { cause: new Error(`inner '${SECRET}'`) })],
    [Object.assign(new Error('with members'), { input: SECRET, headers: { a: SECRET }, body: SECRET })],
  ])('do not repeat their input', (error) => {
    expect(JSON.stringify(redactError(error))).not.toContain(SECRET)
  })

  it('keep type, code, frames and causes', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
    expect(redactError(new RangeError('outer', { cause }))).toMatchObject({
      type: 'RangeError',
      message: 'outer',
      stack: expect.stringContaining('redact.test.ts') as string,
      cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    })
  })

  it('end a chain of causes that has no end', () => {
    const error = new Error('circle')
    error.cause = error
    expect(JSON.stringify(redactError(error)).length).toBeLessThan(20_000)
  })

  it('are not needed: anything may be thrown', () => {
    expect(redactError(SECRET)).toEqual({ type: 'string', message: '[not an error]' })
  })
})
