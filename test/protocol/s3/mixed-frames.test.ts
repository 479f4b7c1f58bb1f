import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partsObjectId } from '../../../src/envelope/object-id.ts'
import { readObject } from '../../support/object-content.ts'
import { sealStreamReference } from '../../vectors/reference-stream.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness } from './proxy-harness.ts'

const MEBIBYTE = 1024 * 1024
const CONTEXT = {
  organization: 'acme',
  site: 'acme',
  app: 'jira',
  store: 'attachments',
  dataClass: 'attachment',
}
const harness = new ProxyHarness()
let client: S3Client

beforeAll(async () => {
  await harness.start()
  client = harness.client(ACCESS_KEYS.acme)
  // Makes the tenant key.
  await client.send(new PutObjectCommand({ Bucket, Key: 'first', Body: 'x' }))
})

afterAll(() => harness.stop())

type Writer = 'now' | 'before'

/** Uploads each body as the gateway does now, or as it did when frames had 64 KiB at least. */
async function upload(Key: string, bodies: readonly Buffer[], writers: readonly Writer[]): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  for (const [index, body] of bodies.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1 }
    if (writers[index] === 'now') await client.send(new UploadPartCommand({ ...part, Body: body }))
    else {
      const sealed = sealStreamReference(
        {
          tenantKey: harness.keyService.wrapped[0]!,
          context: CONTEXT,
          objectName: `${Bucket}/${Key}`,
          objectId: partsObjectId(UploadId!),
          salt: randomBytes(16),
          trailer: Buffer.alloc(48),
          part: index + 1,
          frameLog2Min: 16,
        },
        body,
      )
      await harness.direct().send(new UploadPartCommand({ ...part, Body: sealed }))
    }
  }
  const { Parts } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
}

describe('an object whose parts were written by gateways of two versions', () => {
  const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE), randomBytes(300_000)]
  const object = Buffer.concat(bodies)

  it.each<[Writer, Writer, Writer]>([
    ['now', 'before', 'now'],
    ['before', 'now', 'before'],
    ['now', 'now', 'before'],
    ['before', 'before', 'now'],
  ])('is read whole and in any range: parts written %s, %s, %s', async (...writers) => {
    const Key = `mixed/${writers.join('-')}`
    await upload(Key, bodies, writers)
    expect((await readObject(client, Key)).equals(object)).toBe(true)
    for (const border of [5 * MEBIBYTE, 10 * MEBIBYTE]) {
      for (const start of [border - 1, border - 70_000, border - 32_768, border]) {
        // Ends in either half of a long frame, at its borders, and at the end of the object.
        for (const length of [1, 2, 40_000, 65_536, 131_073, 200_000, 299_999]) {
          const end = Math.min(border + length, object.length)
          const range = await readObject(client, Key, `bytes=${start}-${end - 1}`)
          expect(range.equals(object.subarray(start, end)), `${start}-${end}`).toBe(true)
        }
      }
    }
    const across = await readObject(client, Key, `bytes=${5 * MEBIBYTE - 1}-${10 * MEBIBYTE + 40_000}`)
    expect(across.equals(object.subarray(5 * MEBIBYTE - 1, 10 * MEBIBYTE + 40_001))).toBe(true)
  })
})
