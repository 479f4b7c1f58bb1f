import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyServiceOf } from '../../src/composition/key-service.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { hkdfSha256 } from '../../src/crypto/hkdf.ts'
import { SecureMemory } from '../../src/crypto/secure-memory.ts'
import { StreamContexts } from '../../src/envelope/context.ts'
import { readHeader } from '../../src/envelope/header.ts'
import { STREAM_HEADER_BYTES } from '../../src/envelope/sizes.ts'
import { StreamKeys } from '../../src/envelope/stream-keys.ts'
import { systemClock } from '../../src/keyring/clock.ts'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import type { WrappedTenantKey } from '../../src/keyring/wrapped-key-store.ts'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import { credentials } from '../support/gateway-world.ts'
import { send } from '../support/http-client.ts'
import { freePort } from '../support/ports.ts'
import { ACCESS_KEYS, BUCKET as Bucket, S3World } from '../support/s3-world.ts'
import { foundInMemory } from './support/process-memory.ts'
import { ServeProcess } from './support/serve-process.ts'

const LARGE = randomBytes(32 * 1024 * 1024)
const SUMMARY = '{"id":"1","fields":{"summary":"text"}}'
/** The HKDF info strings of docs/SPEC.md, those of the keys that the requests below derive. */
const DERIVED = { issue: 'portcullis/field-1/v1', attachment: 'portcullis/stream/v1' } as const

describe.skipIf(process.platform !== 'linux')('after a revocation (skipped where there is no /proc)', () => {
  let world: S3World
  let documents: DocumentStore
  let serve: ServeProcess
  let acme: S3Client
  /** Keys that the process must have held, as bytes. */
  const keys: Record<string, Buffer> = {}

  beforeAll(async () => {
    world = await S3World.start()
    documents = await startDocumentStore({
      directory: join(world.world.directory, 'documents'),
      collections: ['issue'],
      port: 0,
    })
    const port = await freePort()
    const { file, environment } = world.world.configured((configuration) => {
      world.configure(configuration, port)
      configuration['stores'] = [
        { name: 'jira', mount: '/jira', upstream: documents.url, apps: ['jira'], coverage: 'jira' },
      ]
    }, 'wiped')
    const options = `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${world.world.directory}`
    serve = await ServeProcess.start(file, { ...environment, NODE_OPTIONS: options })
    acme = world.client(ACCESS_KEYS.acme, `http://127.0.0.1:${port}`)
    await until(async () => (await issue('PUT')) < 300)
    await acme.send(new PutObjectCommand({ Bucket, Key: 'large', Body: LARGE }))

    const registry = await Registry.load(new SqliteDatabase(join(world.world.directory, 'wiped.sqlite')))
    const service = keyServiceOf(loadConfiguration(file, environment), {
      clock: systemClock(),
      audit: { record: () => undefined },
    })
    for (const row of registry.ofAuthority('acme')) {
      const { plaintext } = await service.unwrap(authority(), row.copies, encryptionContextOf(row))
      keys[`tenant key of ${row.dataClass}`] = Buffer.from(plaintext)
      const info = DERIVED[row.dataClass as keyof typeof DERIVED]
      const derived = (keys[`key derived for ${row.dataClass}`] = Buffer.alloc(32))
      hkdfSha256(derived, plaintext, new Uint8Array(0), Buffer.from(info))
      if (row.dataClass === 'attachment') keys['frame key of the object'] = await frameKey(row, derived)
    }
    service.close()
    await registry.close()
  })

  afterAll(async () => {
    await serve?.stop('SIGKILL')
    await documents?.stop()
    await world?.stop()
  })

  test('no key is left in the memory of the process, with a download and an upload under way', async () => {
    // For a second attempt: access was withdrawn by the first.
    await world.world.acme.enableKey()
    await until(async () => (await issue('GET')) === 200)
    const got = await acme.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    const upload = acme.send(
      new PutObjectCommand({ Bucket, Key: 'cut', ContentLength: LARGE.length, Body: slowly(LARGE) }),
    )
    const uploaded = upload.then(
      () => 'whole',
      () => 'cut',
    )
    const download = consume(got.Body as Readable)
    await pause(300)
    expect(Object.keys(keys).toSorted()).toEqual([
      'frame key of the object',
      'key derived for attachment',
      'key derived for issue',
      'tenant key of attachment',
      'tenant key of issue',
    ])
    expect(foundInMemory(serve.pid, keys).toSorted()).toEqual(Object.keys(keys).toSorted())

    await world.world.acme.disableKey()
    await until(async () => (await issue('GET')) === 423)
    expect(foundInMemory(serve.pid, keys)).toEqual([])
    expect(await Promise.all([uploaded, download])).toEqual(['cut', 'cut'])
  })

  test('no string of its heap holds one either, whatever its encoding', async () => {
    serve.signal('SIGUSR2')
    const snapshot = (): string | undefined =>
      readdirSync(world.world.directory).find((name) => name.endsWith('.heapsnapshot'))
    await until(() => Promise.resolve(snapshot() !== undefined))
    // It answers again once the snapshot is written.
    expect(await issue('GET')).toBe(423)
    const file = join(world.world.directory, snapshot()!)
    expect(existsSync(file)).toBe(true)
    const heap = readFileSync(file)
    expect(heap.includes('organization'), 'the snapshot shows strings').toBe(true)
    const found = Object.entries(encoded(keys)).filter(([, text]) => heap.includes(text))
    expect(found.map(([name]) => name)).toEqual([])
  })

  const issue = async (method: 'GET' | 'PUT'): Promise<number> => {
    const answer = await send(`${serve.ready.gateway}/jira/issue/1`, {
      method,
      headers: { ...credentials('acme'), 'Content-Type': 'application/json' },
      ...(method === 'PUT' ? { body: SUMMARY } : {}),
    })
    return answer.status
  }

  const authority = () => {
    const { accountId, roleArn, externalId, keys: arns } = world.world.acme.resources
    return {
      id: 'acme',
      kind: 'byok',
      location: 'europe',
      accountId,
      roleArn,
      externalId,
      keys: arns,
    } as const
  }

  /** The key that the frames of the stored object are sealed with, from its header (docs/SPEC.md section 6). */
  async function frameKey(row: WrappedTenantKey, streamKey: Buffer): Promise<Buffer> {
    const Range = `bytes=0-${STREAM_HEADER_BYTES - 1}`
    const { Body } = await world.direct().send(new GetObjectCommand({ Bucket, Key: 'large', Range }))
    const { header } = readHeader(Buffer.from(await Body!.transformToByteArray()))
    const { organization, site, app, dataClass } = row
    const names = { organization, site, app, store: 'attachments', dataClass }
    const context = new StreamContexts(names).of(Buffer.from(`${Bucket}/large`))
    const opened = StreamKeys.open(new SecureMemory(), streamKey, header, context)
    return Buffer.from(opened.frameKey)
  }
})

/** Keys as text; without the end, which may be written in several ways. */
function encoded(keys: Readonly<Record<string, Buffer>>): Record<string, Buffer> {
  const encodings = ['base64', 'base64url', 'hex'] as const
  return Object.fromEntries(
    Object.entries(keys).flatMap(([name, key]) =>
      encodings.map((encoding) => [
        `${name} as ${encoding}`,
        Buffer.from(key.toString(encoding).slice(0, 40)),
      ]),
    ),
  )
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never held: ${holds.toString()}`)
    await pause(20)
  }
}

/** A body that is given out a piece at a time for as long as anybody reads it. */
function slowly(bytes: Buffer): Readable {
  let at = 0
  return new Readable({
    highWaterMark: 64 * 1024,
    read() {
      setTimeout(() => this.push(at < bytes.length ? bytes.subarray(at, (at += 64 * 1024)) : null), 50)
    },
  })
}

async function consume(body: Readable): Promise<'whole' | 'cut'> {
  try {
    for await (const _ of body) await pause(50)
    return 'whole'
  } catch {
    return 'cut'
  }
}
