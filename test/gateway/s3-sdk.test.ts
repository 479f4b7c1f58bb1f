import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevProcess } from '../support/dev-process.ts'
import { presign } from '../support/presign.ts'

const MEBIBYTE = 1024 * 1024
const PARTS_AT_ONCE = 4

describe('the AWS SDK as it comes, before the process of dev', () => {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-sdk-'))
  let dev: DevProcess
  let client: S3Client
  let Bucket: string

  beforeAll(async () => {
    dev = await DevProcess.start(join(directory, 'data'))
    Bucket = dev.ready['s3'].bucket as string
    client = connect()
  })
  afterAll(async () => {
    client?.destroy()
    await dev?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  function connect(options: S3ClientConfig = {}): S3Client {
    const { endpoint, region, accessKeyId, secretAccessKey } = dev.ready['s3']
    return new S3Client({
      endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      forcePathStyle: true,
      ...options,
    })
  }

  async function read(Key: string): Promise<Buffer> {
    const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
    return Buffer.from(await got.Body!.transformToByteArray())
  }

  function streamOf(bytes: Buffer): Readable {
    return Readable.from(
      (function* pieces() {
        for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001)
      })(),
    )
  }

  it.each([undefined, 'CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'sends and verifies checksums: %s',
    async (ChecksumAlgorithm) => {
      const field = `Checksum${ChecksumAlgorithm ?? 'CRC32'}` as const
      for (const length of [0, 1, 300_000]) {
        const Body = randomBytes(length)
        const Key = `checksum/${ChecksumAlgorithm}/${length}`
        const put = await client.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm }))
        expect((await read(Key)).equals(Body)).toBe(true)
        const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
        expect(put[field]).toBeTruthy()
        expect(head[field]).toBe(put[field])
      }
    },
  )

  it('sends none where it is told to', async () => {
    const plain = connect({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
    const Body = randomBytes(200_000)
    await plain.send(new PutObjectCommand({ Bucket, Key: 'plain', Body }))
    plain.destroy()
    expect((await read('plain')).equals(Body)).toBe(true)
  })

  it('sends a stream whose length it knows', async () => {
    const body = randomBytes(777_777)
    const put = { Bucket, Key: 'stream', Body: streamOf(body), ContentLength: body.length }
    await client.send(new PutObjectCommand(put))
    expect((await read('stream')).equals(body)).toBe(true)
  })

  it.each([
    ['CRC32', 12_345_678],
    ['CRC64NVME', 11 * MEBIBYTE],
    ['SHA256', 10 * MEBIBYTE],
    [undefined, 5 * MEBIBYTE + 1],
  ] as const)(
    'uploads a stream of unknown length in parts, as lib-storage does: %s, %i bytes',
    async (ChecksumAlgorithm, length) => {
      const body = randomBytes(length)
      const target = { Bucket, Key: `parts/${length}` }
      const create = { ...target, ChecksumAlgorithm, Metadata: { of: 'parts' }, ContentType: 'text/x' }
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(create))
      const parts: { PartNumber: number; ETag: string | undefined }[] = []
      const waiting = partsOf(streamOf(body))
      const worker = async (): Promise<void> => {
        for await (const { number: PartNumber, bytes } of waiting) {
          const part = { ...target, UploadId, PartNumber, Body: bytes, ChecksumAlgorithm }
          const { $metadata: _, ...answer } = await client.send(new UploadPartCommand(part))
          parts.push({ PartNumber, ETag: answer.ETag, ...answer })
        }
      }
      await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker))
      const Parts = parts.toSorted((a, b) => a.PartNumber - b.PartNumber)
      const done = await client.send(
        new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
      )
      expect(done[`Checksum${ChecksumAlgorithm ?? 'CRC32'}`]).toBeTruthy()
      expect((await read(target.Key)).equals(body)).toBe(true)
      const head = await client.send(new HeadObjectCommand(target))
      expect(head).toMatchObject({
        ContentLength: length,
        ETag: done.ETag,
        Metadata: { of: 'parts' },
        ContentType: 'text/x',
        ServerSideEncryption: 'aws:kms',
      })
    },
  )

  it('presigns a write and a read', async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = dev.ready['s3']
    const { host } = new URL(endpoint)
    const address = (method: string, query: Record<string, string>): Promise<string> =>
      presign({ method, path: `/${Bucket}/presigned`, host, query }, { accessKeyId, secretAccessKey }, region)
    const body = randomBytes(50_000)
    // As the SDK has it: a checksum of the body that it did not have, and metadata, moved into the query.
    const hoisted = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-sdk-checksum-algorithm': 'CRC32' }
    const put = await address('PUT', { ...hoisted, 'x-amz-meta-by': 'url', 'x-id': 'PutObject' })
    expect((await fetch(endpoint + put, { method: 'PUT', body })).status).toBe(200)
    const disposition = 'attachment; filename="a.bin"'
    const get = await address('GET', { 'response-content-disposition': disposition, 'x-id': 'GetObject' })
    const got = await fetch(endpoint + get)
    expect(Buffer.from(await got.arrayBuffer()).equals(body)).toBe(true)
    expect(got.headers.get('content-disposition')).toBe(disposition)
    expect(got.headers.get('x-amz-meta-by')).toBe('url')
  })
})

/** A stream cut into parts of 5 MiB. */
async function* partsOf(stream: Readable): AsyncGenerator<{ number: number; bytes: Buffer }> {
  let [number, held, bytes] = [1, [] as Buffer[], 0]
  for await (const piece of stream as AsyncIterable<Buffer>) {
    held.push(piece)
    bytes += piece.length
    if (bytes < 5 * MEBIBYTE) continue
    yield { number, bytes: Buffer.concat(held) }
    ;[number, held, bytes] = [number + 1, [], 0]
  }
  if (bytes > 0) yield { number, bytes: Buffer.concat(held) }
}
