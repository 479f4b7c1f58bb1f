import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, it } from 'vitest'
import { auditEventsOnce } from '../support/audit-trail.ts'
import { readObject, uploadParts } from '../support/object-content.ts'
import { s3Scene } from '../support/s3-scene.ts'
import { ACCESS_KEYS, BUCKET as Bucket } from '../support/s3-world.ts'

const REFUSED = { name: 'CiphertextInvalid', $metadata: { httpStatusCode: 502 } }
const MEBIBYTE = 1024 * 1024

const s3 = s3Scene()
const whole = randomBytes(300_000)
const parts = [randomBytes(5 * MEBIBYTE), randomBytes(1_000)]

beforeAll(async () => {
  await s3.acme.send(new PutObjectCommand({ Bucket, Key: 'whole', Body: whole }))
  await uploadParts(s3.acme, 'parts', parts)
})

describe('two organizations on one bucket', () => {
  it.each(['whole', 'parts'])('an access key of one cannot read %s of the other', async (Key) => {
    await expect(readObject(s3.umbrella, Key)).rejects.toMatchObject(REFUSED)
    await expect(readObject(s3.umbrella, Key, 'bytes=10-20')).rejects.toMatchObject(REFUSED)
    await expect(readObject(s3.umbrella, Key, 'bytes=-5')).rejects.toMatchObject(REFUSED)
  })

  it.each(['whole', 'parts'])('nor take it out by a copy of %s', async (Key) => {
    const CopySource = `${Bucket}/${Key}`
    await expect(
      s3.umbrella.send(new CopyObjectCommand({ Bucket, Key: 'taken', CopySource })),
    ).rejects.toMatchObject(REFUSED)
    await expect(readObject(s3.umbrella, 'taken')).rejects.toMatchObject({ name: 'NoSuchKey' })
    const { UploadId } = await s3.umbrella.send(new CreateMultipartUploadCommand({ Bucket, Key: 'taken' }))
    await expect(
      s3.umbrella.send(
        new UploadPartCopyCommand({ Bucket, Key: 'taken', UploadId, PartNumber: 1, CopySource }),
      ),
    ).rejects.toMatchObject(REFUSED)
  })

  it('nor by having the store put it under a name of its own', async () => {
    await s3.direct.send(new CopyObjectCommand({ Bucket, Key: 'renamed', CopySource: `${Bucket}/whole` }))
    await expect(readObject(s3.umbrella, 'renamed')).rejects.toMatchObject(REFUSED)
    await expect(readObject(s3.acme, 'renamed')).rejects.toMatchObject(REFUSED)
  })

  it('nor put a part of its own among the other’s', async () => {
    const Key = 'shared-upload'
    const { UploadId } = await s3.acme.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts = []
    for (const [index, client] of [s3.acme, s3.umbrella].entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body: parts[index]! }
      Parts.push({ PartNumber: index + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag })
    }
    await s3.acme.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    await expect(readObject(s3.acme, Key)).rejects.toThrow()
    await expect(readObject(s3.umbrella, Key)).rejects.toMatchObject(REFUSED)
  })

  it('an object that is downloaded and uploaded by the other is sealed under the other’s key', async () => {
    await s3.umbrella.send(
      new PutObjectCommand({ Bucket, Key: 'handed-over', Body: await readObject(s3.acme, 'whole') }),
    )
    expect((await readObject(s3.umbrella, 'handed-over')).equals(whole)).toBe(true)
    await expect(readObject(s3.acme, 'handed-over')).rejects.toMatchObject(REFUSED)
  })

  it('an access key for another bucket is refused everywhere, as the source of a copy too', async () => {
    const elsewhere = s3.world.client(ACCESS_KEYS.elsewhere)
    await expect(readObject(elsewhere, 'whole')).rejects.toMatchObject({ name: 'AccessDenied' })
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
    ['changed', async () => flipped(await readObject(s3.direct, 'whole'), 150_000), 'not-authentic'],
    ['cut', async () => (await readObject(s3.direct, 'whole')).subarray(0, -100_000), 'truncated'],
  ])('%s', async (Key, made, failure) => {
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: await made() }))
    await expect(readObject(s3.acme, Key)).rejects.toThrow()
    const wanted = `${failure}: store attachments, route GetObject, request `
    await expect.poll(refusals, { timeout: 10_000 }).toContainEqual({
      organization: 'acme',
      site: 'acme',
      app: 'jira',
      detail: expect.stringContaining(wanted) as string,
    })
  })

  it('by a copy as well', async () => {
    await s3.direct.send(
      new PutObjectCommand({
        Bucket,
        Key: 'source',
        Body: flipped(await readObject(s3.direct, 'whole'), 150_000),
      }),
    )
    const copy = { Bucket, Key: 'target', CopySource: `${Bucket}/source` }
    await expect(s3.acme.send(new CopyObjectCommand(copy))).rejects.toMatchObject(REFUSED)
    await expect(readObject(s3.acme, 'target')).rejects.toMatchObject({ name: 'NoSuchKey' })
    await expect
      .poll(refusals, { timeout: 10_000 })
      .toContainEqual(
        expect.objectContaining({ detail: expect.stringContaining('route CopyObject') as string }),
      )
  })
})

/** What the audit trail says about refused ciphertext. */
async function refusals(): Promise<object[]> {
  const events = await auditEventsOnce(s3.world.running.auditDirectory, 'ciphertext.refused', 1)
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
