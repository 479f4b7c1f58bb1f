import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCESS_KEYS,
  BUCKET as Bucket,
  ProxyHarness,
  REGION,
  STORE_CREDENTIAL,
} from '../protocol/s3/proxy-harness.ts'

const PROGRAM = process.env['PORTCULLIS_VERSITYGW'] ?? 'versitygw'
const present = spawnSync(PROGRAM, ['--version']).status === 0
const MEBIBYTE = 1024 * 1024

describe.skipIf(!present)('versitygw as store (skipped where the program versitygw is absent)', () => {
  const harness = new ProxyHarness()
  let directory: string
  let program: ChildProcess
  let client: S3Client

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-versitygw-'))
    mkdirSync(join(directory, Bucket))
    const port = await freePort()
    const { accessKeyId, secretAccessKey } = STORE_CREDENTIAL
    const options = ['--access', accessKeyId, '--secret', secretAccessKey, '--region', REGION]
    program = spawn(PROGRAM, [...options, '--port', `127.0.0.1:${port}`, 'posix', directory], {
      stdio: 'ignore',
    })
    const endpoint = `http://127.0.0.1:${port}`
    while (!(await answers(endpoint))) await setTimeout(100)
    await harness.start({ endpoint, stop: () => Promise.resolve() })
    client = harness.client(ACCESS_KEYS.acme)
  })

  afterAll(async () => {
    await harness.stop()
    program.kill()
    rmSync(directory, { recursive: true, force: true })
  })

  async function read(Key: string, Range?: string): Promise<Buffer> {
    const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }))
    return Buffer.from(await got.Body!.transformToByteArray())
  }

  it.each([0, 1, 65_536, 131_073, 9_000_001])('keeps objects of %i bytes', async (length) => {
    const Body = randomBytes(length)
    const Key = `sizes/${length}`
    await client.send(new PutObjectCommand({ Bucket, Key, Body, Metadata: { a: 'b' } }))
    expect((await read(Key)).equals(Body)).toBe(true)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
    expect(head).toMatchObject({ ContentLength: length, Metadata: { a: 'b' } })
    expect(head.ChecksumCRC32).toBeTruthy()
    const list = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
    expect(list.Contents![0]!.Size).toBe(length)
  })

  it.each([
    ['equal', [5 * MEBIBYTE, 5 * MEBIBYTE]],
    ['unequal', [6 * MEBIBYTE + 1, 5 * MEBIBYTE, 7]],
  ])('keeps objects of %s parts', async (name, lengths) => {
    const Key = `parts/${name}`
    const bodies = lengths.map((length) => randomBytes(length))
    const whole = Buffer.concat(bodies)
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts = []
    for (const [index, Body] of bodies.entries()) {
      const { ETag } = await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body }),
      )
      Parts.push({ PartNumber: index + 1, ETag })
    }
    const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
    expect(listed.Parts!.map(({ Size }) => Size)).toEqual(lengths)
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    expect((await read(Key)).equals(whole)).toBe(true)
    const [from, to] = [5 * MEBIBYTE - 10, 5 * MEBIBYTE + 100_000]
    expect((await read(Key, `bytes=${from}-${to}`)).equals(whole.subarray(from, to + 1))).toBe(true)
    expect((await client.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(whole.length)
    await client.send(new CopyObjectCommand({ Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}` }))
    expect((await read(`${Key}-copy`)).equals(whole)).toBe(true)
  })

  it('honours conditions and deletes', async () => {
    const put = (options: object): Promise<unknown> =>
      client.send(new PutObjectCommand({ Bucket, Key: 'condition', Body: randomBytes(300_000), ...options }))
    await put({ IfNoneMatch: '*' })
    await expect(put({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'condition' }] } }))
    await expect(read('condition')).rejects.toMatchObject({ name: 'NoSuchKey' })
  })
})

function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
