import {
  type CORSRule,
  DeleteBucketCommand,
  DeleteBucketCorsCommand,
  CreateBucketCommand,
  GetBucketCorsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbeddedStore } from '../../support/embedded-store.ts'
import { presign } from '../../support/presign.ts'

const Bucket = 'attachments'
const RULES: CORSRule[] = [
  {
    ID: 'app',
    AllowedHeaders: ['content-type', 'x-amz-*'],
    AllowedMethods: ['PUT', 'GET'],
    AllowedOrigins: ['https://*.example', 'http://localhost:3000'],
    ExposeHeaders: ['ETag'],
    MaxAgeSeconds: 600,
  },
  { AllowedMethods: ['HEAD'], AllowedOrigins: ['*'] },
]

let store: EmbeddedStore

beforeAll(async () => {
  store = await startEmbeddedStore()
})
afterAll(() => store.stop())

const put = (CORSRules: CORSRule[]) =>
  store.client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }))

const preflight = (headers: Record<string, string>) =>
  fetch(`${store.endpoint}/${Bucket}/key`, { method: 'OPTIONS', headers })

const asking = (origin: string, method: string, names?: string): Record<string, string> => ({
  origin,
  'access-control-request-method': method,
  ...(names === undefined ? {} : { 'access-control-request-headers': names }),
})

/** The `<Code>` of a refusal. */
async function codeOf(response: Response): Promise<string | undefined> {
  return /<Code>(.*)<\/Code>/.exec(await response.text())?.[1]
}

describe('CORS rules of a bucket', () => {
  it('are kept as they were put, until they are deleted', async () => {
    const none = { name: 'NoSuchCORSConfiguration', $metadata: { httpStatusCode: 404 } }
    const get = () => store.client.send(new GetBucketCorsCommand({ Bucket }))
    await expect(get()).rejects.toMatchObject(none)
    await put(RULES)
    expect((await get()).CORSRules).toEqual(RULES)
    await store.client.send(new DeleteBucketCorsCommand({ Bucket }))
    await expect(get()).rejects.toMatchObject(none)
  })

  it('go with their bucket', async () => {
    const gone = { Bucket: 'gone-with-rules' }
    await store.client.send(new CreateBucketCommand(gone))
    await store.client.send(new PutBucketCorsCommand({ ...gone, CORSConfiguration: { CORSRules: RULES } }))
    await store.client.send(new DeleteBucketCommand(gone))
    await store.client.send(new CreateBucketCommand(gone))
    await expect(store.client.send(new GetBucketCorsCommand(gone))).rejects.toThrow('does not exist')
  })

  it.each<[string, CORSRule, string]>([
    ['another method', { AllowedMethods: ['PATCH'], AllowedOrigins: ['*'] }, 'InvalidRequest'],
    ['two wildcards', { AllowedMethods: ['GET'], AllowedOrigins: ['*.*'] }, 'InvalidRequest'],
    ['no origin', { AllowedMethods: ['GET'], AllowedOrigins: [] }, 'MalformedXML'],
    ['no method', { AllowedMethods: [], AllowedOrigins: ['*'] }, 'MalformedXML'],
  ])('with %s are refused', async (_, rule, name) => {
    await expect(put([rule])).rejects.toMatchObject({ name })
  })
})

describe('a browser of another origin', () => {
  beforeAll(() => put(RULES))

  it('has its preflight answered by the first rule that allows it', async () => {
    const answer = await preflight(asking('https://app.example', 'PUT', 'Content-Type, x-amz-meta-a'))
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'PUT, GET',
      'access-control-allow-headers': 'Content-Type, x-amz-meta-a',
      'access-control-expose-headers': 'ETag',
      'access-control-max-age': '600',
      'access-control-allow-credentials': 'true',
      vary: expect.stringContaining('Origin') as string,
    })
    const anyone = await preflight(asking('https://elsewhere.test', 'HEAD'))
    expect(anyone.headers.get('access-control-allow-origin')).toBe('*')
    expect(anyone.headers.get('access-control-allow-credentials')).toBeNull()
  })

  it.each([
    ['an origin', asking('https://app.example.test', 'PUT')],
    ['a method', asking('https://app.example', 'DELETE')],
    ['a header', asking('https://app.example', 'PUT', 'content-type, authorization')],
  ])('is refused %s that no rule has', async (_, headers) => {
    const answer = await preflight(headers)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(await codeOf(answer)).toBe('AccessForbidden')
  })

  it('is refused a preflight that does not say what is asked', async () => {
    expect(await codeOf(await preflight({ origin: 'https://app.example' }))).toBe('BadRequest')
    expect(await codeOf(await preflight({ 'access-control-request-method': 'PUT' }))).toBe('BadRequest')
  })

  it('is told with the answer itself, also when it is a refusal, and pages of others are not', async () => {
    await store.client.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'x' }))
    const get = async (key: string, origin: string): Promise<Response> => {
      const { host } = new URL(store.endpoint)
      const request = { method: 'GET', path: `/${Bucket}/${key}`, host }
      const target = await presign(request, store.credentials, store.region)
      return await fetch(store.endpoint + target, { headers: { origin } })
    }
    for (const [key, status] of [
      ['there', 200],
      ['missing', 404],
    ] as const) {
      const answer = await get(key, 'http://localhost:3000')
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
    }
    const other = await get('there', 'https://elsewhere.test')
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([200, null])
  })
})
