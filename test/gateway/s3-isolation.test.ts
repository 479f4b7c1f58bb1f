import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditEventsOnce } from '../support/audit-trail.ts'
import { ACCESS_KEYS, BUCKET as Bucket, S3World } from '../support/s3-world.ts'

const REFUSED = { name: 'CiphertextInvalid', $metadata: { httpStatusCode: 502 } }
const MEBIBYTE = 1024 * 1024

let world: S3World
let acme: S3Client
let umbrella: S3Client
let direct: S3Client
const whole = randomBytes(300_000)
const parts = [randomBytes(5 * MEBIBYTE), randomBytes(1_000)]

beforeAll(async () => {
  world = await S3World.start()
  await world.gateway()
  acme = world.client(ACCESS_KEYS.acme)
  umbrella = world.client(ACCESS_KEYS.umbrella)
  direct = world.direct()
  await acme.send(new PutObjectCommand({ Bucket, Key: 'whole', Body: whole }))
  await upload(acme, 'parts', parts)
})
afterAll(() => world.stop())

async function upload(client: S3Client, Key: string, bodies: readonly Buffer[]): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const Parts = []
  for (const [index, Body] of bodies.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1 }
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }))
    Parts.push({ PartNumber: index + 1, ETag })
  }
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
}

async function read(client: S3Client, Key: string, Range?: string): Promise<Buffer> {
  const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }))
  return Buffer.from(await got.Body!.transformToByteArray())
}

describe('two organizations on one bucket', () => {
  it.each(['whole', 'parts'])('an access key of one cannot read %s of the other', async (Key) => {
    await expect(read(umbrella, Key)).rejects.toMatchObject(REFUSED)
    await expect(read(umbrella, Key, 'bytes=10-20')).rejects.toMatchObject(REFUSED)
    await expect(read(umbrella, Key, 'bytes=-5')).rejects.toMatchObject(REFUSED)
  })

  it.each(['whole', 'parts'])('nor take it out by a copy of %s', async (Key) => {
    const CopySource = `${Bucket}/${Key}`
    await expect(
      umbrella.send(new CopyObjectCommand({ Bucket, Key: 'taken', CopySource })),
    ).rejects.toMatchObject(REFUSED)
    await expect(read(umbrella, 'taken')).rejects.toMatchObject({ name: 'NoSuchKey' })
    const { UploadId } = await umbrella.send(new CreateMultipartUploadCommand({ Bucket, Key: 'taken' }))
    await expect(
      umbrella.send(new UploadPartCopyCommand({ Bucket, Key: 'taken', UploadId, PartNumber: 1, CopySource })),
    ).rejects.toMatchObject(REFUSED)
  })

  it('nor by having the store put it under a name of its own', async () => {
    await direct.send(new CopyObjectCommand({ Bucket, Key: 'renamed', CopySource: `${Bucket}/whole` }))
    await expect(read(umbrella, 'renamed')).rejects.toMatchObject(REFUSED)
    await expect(read(acme, 'renamed')).rejects.toMatchObject(REFUSED)
  })

  it('nor put a part of its own among the other’s', async () => {
    const Key = 'shared-upload'
    const { UploadId } = await acme.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts = []
    for (const [index, client] of [acme, umbrella].entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body: parts[index]! }
      Parts.push({ PartNumber: index + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag })
    }
    await acme.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
    await expect(read(acme, Key)).rejects.toThrow()
    await expect(read(umbrella, Key)).rejects.toMatchObject(REFUSED)
  })

  it('an object that is downloaded and uploaded by the other is sealed under the other’s key', async () => {
    await umbrella.send(new PutObjectCommand({ Bucket, Key: 'handed-over', Body: await read(acme, 'whole') }))
    expect((await read(umbrella, 'handed-over')).equals(whole)).toBe(true)
    await expect(read(acme, 'handed-over')).rejects.toMatchObject(REFUSED)
  })

  it('an access key for another bucket is refused everywhere, as the source of a copy too', async () => {
    const elsewhere = world.client(ACCESS_KEYS.elsewhere)
    await expect(read(elsewhere, 'whole')).rejects.toMatchObject({ name: 'AccessDenied' })
    const copy = { Bucket: 'elsewhere', Key: 'copy', CopySource: `${Bucket}/whole` }
    await expect(elsewhere.send(new CopyObjectCommand(copy))).rejects.toMatchObject({ name: 'AccessDenied' })
  })
})

describe('ciphertext that does not authenticate goes to the audit trail', () => {
  it.each([
    [
      'foreign',
      async () => Buffer.from('never sealed, but as long as a header, '.repeat(20)),
      'not-an-envelope',
    ],
    ['changed', async () => flipped(await read(direct, 'whole'), 150_000), 'not-authentic'],
    ['cut', async () => (await read(direct, 'whole')).subarray(0, -100_000), 'truncated'],
  ])('%s', async (Key, made, failure) => {
    await direct.send(new PutObjectCommand({ Bucket, Key, Body: await made() }))
    await expect(read(acme, Key)).rejects.toThrow()
    const wanted = `${failure}: store attachments, route GetObject, request `
    await expect.poll(refusals, { timeout: 10_000 }).toContainEqual({
      organization: 'acme',
      site: 'acme',
      app: 'jira',
      detail: expect.stringContaining(wanted) as string,
    })
  })

  it('by a copy as well', async () => {
    await direct.send(
      new PutObjectCommand({ Bucket, Key: 'source', Body: flipped(await read(direct, 'whole'), 150_000) }),
    )
    const copy = { Bucket, Key: 'target', CopySource: `${Bucket}/source` }
    await expect(acme.send(new CopyObjectCommand(copy))).rejects.toMatchObject(REFUSED)
    await expect(read(acme, 'target')).rejects.toMatchObject({ name: 'NoSuchKey' })
    await expect
      .poll(refusals, { timeout: 10_000 })
      .toContainEqual(
        expect.objectContaining({ detail: expect.stringContaining('route CopyObject') as string }),
      )
  })
})

/** What the audit trail says about refused ciphertext. */
async function refusals(): Promise<object[]> {
  const events = await auditEventsOnce(world.running.auditDirectory, 'ciphertext.refused', 1)
  return events.map(({ organization, site, app, detail }) => ({
    organization,
    site,
    app,
    detail: detail as string,
  }))
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at]! ^= 1
  return changed
}
