import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ObjectStore, startObjectStore } from '../../src/local/object-store/object-store.ts'
import type { AnyJson } from '../support/any-json.ts'
import { CustomerAccount } from '../support/customer-account.ts'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'

const REGION = 'eu-central-1'
const Bucket = 'attachments'
const STORE = { accessKeyId: 'AKIASTORE000000001', secretAccessKey: 'secret-of-the-gateway-at-the-store' }

let world: ApiWorld
let store: ObjectStore
let one: ApiGateway
let two: ApiGateway
let account: CustomerAccount
const clients: S3Client[] = []

beforeAll(async () => {
  world = await ApiWorld.start()
  store = await startObjectStore({
    directory: join(world.directory, 'objects'),
    port: 0,
    credentials: STORE,
    bucket: Bucket,
    region: REGION,
  })
  one = await start()
  two = await start()
  const customer = await world.organization(one, 'acme')
  const administrator = await world.aws.createAccount(customer.accountId)
  account = new CustomerAccount(world.aws, customer, administrator, 'acme', world.world.vendor.gateway.arn)
  await one.organization('/acme/sites', {
    body: { name: 'acme', apps: [{ type: 'jira', byok: true }, { type: 'confluence' }] },
  })
})

afterAll(async () => {
  for (const client of clients) client.destroy()
  await world?.stop()
  await store?.stop()
})

function start(): Promise<ApiGateway> {
  return world.gateway(
    'keys',
    (configuration) => {
      configuration['revocation'] = { probeIntervalMs: '500ms' }
      configuration['objectStores'] = [
        {
          name: 'attachments',
          port: 0,
          clientRegion: REGION,
          upstream: store.endpoint,
          region: REGION,
          credentials: { accessKeyId: STORE.accessKeyId, secretAccessKey: { env: 'STORE_SECRET' } },
          apps: ['jira', 'confluence'],
        },
      ]
    },
    { STORE_SECRET: STORE.secretAccessKey },
  )
}

function create(name: string, more: object = {}): Promise<AnyJson> {
  return one.organization('/acme/access-keys', { body: { name, site: 'acme', app: 'jira', ...more } })
}

function client(key: AnyJson, gateway = one): S3Client {
  const made = new S3Client({
    endpoint: gateway.gateway.objectStoreUrls.get('attachments')!,
    region: REGION,
    credentials: { accessKeyId: key.accessKeyId as string, secretAccessKey: key.secretAccessKey as string },
    forcePathStyle: true,
    maxAttempts: 1,
  })
  clients.push(made)
  return made
}

async function read(s3: S3Client, Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
  return await Body!.transformToString()
}

/** The first answer that is as expected; every answer until then may be another. */
async function eventually(ask: () => Promise<unknown>, error: object): Promise<void> {
  await expect
    .poll(() => ask().catch((thrown: unknown) => thrown), { timeout: 20_000, interval: 50 })
    .toMatchObject(error)
}

describe('an issued S3 access key', () => {
  it('writes and reads attachments, at every replica, sealed at the store', async () => {
    const key = await create('app')
    expect(key).toMatchObject({ name: 'app', site: 'acme', app: 'jira', buckets: [], managedBy: 'api' })
    expect(key.accessKeyId).toMatch(/^PCAK[A-Z2-9]{16}$/)
    await client(key).send(new PutObjectCommand({ Bucket, Key: 'plan.txt', Body: 'the secret plan' }))
    expect(await read(client(key), 'plan.txt')).toBe('the secret plan')
    await expect
      .poll(() => read(client(key, two), 'plan.txt').catch(() => ''), { timeout: 5_000 })
      .toBe('the secret plan')
    const atRest = await read(
      new S3Client({ endpoint: store.endpoint, region: REGION, credentials: STORE, forcePathStyle: true }),
      'plan.txt',
    )
    expect(atRest).not.toContain('secret plan')
  })

  it('shows its secret once and keeps it nowhere in the clear', async () => {
    const key = await create('once', { expiresAt: '2099-01-01T00:00:00Z', buckets: [Bucket] })
    const { items } = await one.organization('/acme/access-keys')
    const listed = items.find((item: AnyJson) => item.name === 'once')
    const { secretAccessKey, ...shown } = key
    expect(listed).toEqual(shown)
    const secret = secretAccessKey as string
    for (const file of ['keys.sqlite', 'keys.sqlite-wal']) {
      expect(readFileSync(join(world.directory, file)).includes(secret)).toBe(false)
    }
    const trail = await one.api('/admin/v1/organizations/acme/audit?limit=500')
    expect(trail.text).toContain('access-key.created')
    for (const text of [trail.text, one.logs.text, two.logs.text]) expect(text).not.toContain(secret)
  })

  it('is refused with a wrong secret, and outside its buckets', async () => {
    const key = await create('narrow', { buckets: ['elsewhere'] })
    const wrong = client({ ...key, secretAccessKey: 'a-secret-that-somebody-made-up' })
    await expect(read(wrong, 'plan.txt')).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
    await expect(read(client(key), 'plan.txt')).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  it('opens nothing of an app of another key authority on its site', async () => {
    const confluence = await create('wiki', { app: 'confluence' })
    const s3 = client(confluence)
    await s3.send(new PutObjectCommand({ Bucket, Key: 'wiki.txt', Body: 'under the vendor' }))
    expect(await read(s3, 'wiki.txt')).toBe('under the vendor')
  })

  it('is refused at every replica within a second of its revocation', async () => {
    const key = await create('revoked')
    const clientsOfKey = [client(key), client(key, two)]
    for (const s3 of clientsOfKey) {
      await expect.poll(() => read(s3, 'plan.txt').catch(() => ''), { timeout: 5_000 }).toContain('plan')
    }
    const path = `/acme/access-keys/${key.accessKeyId}`
    await one.organization(path, { method: 'DELETE', expect: 204 })
    for (const s3 of clientsOfKey) {
      await eventually(() => read(s3, 'plan.txt'), { name: 'InvalidAccessKeyId' })
    }
    await one.organization(path, { method: 'DELETE', expect: 404 })
  })

  it('expires', async () => {
    const key = await create('short', { expiresAt: new Date(Date.now() + 2_000).toISOString() })
    await eventually(() => read(client(key), 'plan.txt'), { name: 'InvalidAccessKeyId' })
  })

  it('goes with its app and comes back with it', async () => {
    const key = await create('with-app', { app: 'confluence' })
    expect(await read(client(key), 'wiki.txt')).toBe('under the vendor')
    await one.organization('/acme/sites/acme/apps/confluence', { method: 'DELETE' })
    await eventually(() => read(client(key), 'wiki.txt'), { name: 'InvalidAccessKeyId' })
    await one.organization('/acme/sites/acme/apps', { body: { type: 'confluence' } })
    expect(await read(client(key), 'wiki.txt')).toBe('under the vendor')
  })

  it('is suspended with its organization, cannot be made meanwhile, and works again by itself', async () => {
    const key = await create('cut')
    const s3 = client(key)
    expect(await read(s3, 'plan.txt')).toBe('the secret plan')
    await account.disableKey()
    await eventually(() => read(s3, 'plan.txt'), {
      name: 'TenantSuspended',
      $metadata: { httpStatusCode: 423 },
    })
    await one.organization('/acme/access-keys', {
      body: { name: 'meanwhile', site: 'acme', app: 'jira' },
      expect: 423,
    })
    await account.enableKey()
    await expect.poll(() => read(s3, 'plan.txt').catch(() => ''), { timeout: 30_000 }).toBe('the secret plan')
  })
})

describe('an S3 access key that cannot be', () => {
  it.each([
    ['of no site of the organization', { site: 'other' }, 422, 'credential-site'],
    ['of an app that the site has not', { app: 'jira-service-management' }, 422, 'access-key-app'],
    ['of the past', { expiresAt: '2020-01-01T00:00:00Z' }, 422, 'credential-expired'],
    ['of a name that is taken', { name: 'app' }, 409, 'credential-name-taken'],
  ])('%s is refused', async (_what, more, expected, rule) => {
    const body = { name: 'another', site: 'acme', app: 'jira', ...more }
    const answer = await one.organization('/acme/access-keys', { body, expect: expected })
    expect(answer).toMatchObject({ rule, remedy: expect.any(String) as string })
  })

  it('is not shown again when the request is repeated', async () => {
    const headers = { 'Idempotency-Key': 'the-same-again' }
    const body = { name: 'repeated', site: 'acme', app: 'jira' }
    const [first, ...others] = await Promise.all(
      Array.from({ length: 4 }, () => one.api('/admin/v1/organizations/acme/access-keys', { body, headers })),
    )
    const made = [first!, ...others].filter(({ json }) => typeof json?.secretAccessKey === 'string')
    expect(made).toHaveLength(1)
    const again = await one.organization('/acme/access-keys', { body, headers })
    expect(again).toEqual({ ...made[0]!.json, secretAccessKey: null })
  })
})
