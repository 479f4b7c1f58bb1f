import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ObjectOrigins } from '../../../src/protocol/s3/proxy/object-origins.ts'
import { uploadParts } from '../../support/object-content.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness } from './proxy-harness.ts'

const MEBIBYTE = 1024 * 1024
/** Lengths that no sealed object has, that one could have, and nothing at all. */
const LENGTHS = { 'a tiny': 5, 'a middling': 5_000, 'a large': 300_001, 'an empty': 0 }

async function bytesOf(client: S3Client, input: object): Promise<Buffer> {
  const got = await client.send(new GetObjectCommand({ Bucket, ...input } as never))
  return Buffer.from(await got.Body!.transformToByteArray())
}

/** Headers of the raw answer of a read. */
async function headersOf(client: S3Client, command: GetObjectCommand | HeadObjectCommand) {
  let headers: Record<string, string> = {}
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      headers = (result.response as { headers: Record<string, string> }).headers
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'headersOf', override: true },
  )
  await client.send(command)
  return headers
}

describe('a store that is migrating', () => {
  const harness = new ProxyHarness()
  let client: S3Client
  let direct: S3Client
  const bodies = new Map(Object.entries(LENGTHS).map(([name, length]) => [name, randomBytes(length)]))
  const parts = [randomBytes(5 * MEBIBYTE), randomBytes(100)]

  beforeAll(async () => {
    await harness.start(undefined, new ObjectOrigins())
    client = harness.client(ACCESS_KEYS.acme)
    direct = harness.direct()
    for (const [name, Body] of bodies) {
      const Key = `foreign/${name}`
      await direct.send(new PutObjectCommand({ Bucket, Key, Body, Metadata: { kept: 'yes' } }))
      await client.send(new PutObjectCommand({ Bucket, Key: `own/${name}`, Body }))
    }
    await uploadParts(direct, 'foreign/parts & more', parts)
    await uploadParts(client, 'own/parts & more', parts)
  })
  afterAll(() => harness.stop())

  it.each(Object.keys(LENGTHS))('gives out %s foreign object as it is, marked', async (name) => {
    const Key = `foreign/${name}`
    expect((await bytesOf(client, { Key })).equals(bodies.get(name)!)).toBe(true)
    for (const command of [new GetObjectCommand({ Bucket, Key }), new HeadObjectCommand({ Bucket, Key })]) {
      const headers = await headersOf(client, command)
      expect(headers).toMatchObject({
        'portcullis-encryption': 'none',
        'content-length': String(LENGTHS[name as keyof typeof LENGTHS]),
        'x-amz-meta-kept': 'yes',
      })
      expect(headers).not.toHaveProperty('x-amz-server-side-encryption')
    }
  })

  it.each(Object.keys(LENGTHS))('gives out %s object of its own unmarked', async (name) => {
    const Key = `own/${name}`
    expect((await bytesOf(client, { Key })).equals(bodies.get(name)!)).toBe(true)
    const headers = await headersOf(client, new HeadObjectCommand({ Bucket, Key }))
    expect(headers).not.toHaveProperty('portcullis-encryption')
    expect(headers).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms' })
  })

  it.each(['foreign', 'own'])('gives out ranges and parts of %s objects', async (whose) => {
    const large = bodies.get('a large')!
    const range = await bytesOf(client, { Key: `${whose}/a large`, Range: 'bytes=100-200000' })
    expect(range.equals(large.subarray(100, 200_001))).toBe(true)
    const suffix = await bytesOf(client, { Key: `${whose}/a large`, Range: 'bytes=-7' })
    expect(suffix.equals(large.subarray(-7))).toBe(true)
    const Key = `${whose}/parts & more`
    expect((await bytesOf(client, { Key })).equals(Buffer.concat(parts))).toBe(true)
    expect((await bytesOf(client, { Key, PartNumber: 2 })).equals(parts[1]!)).toBe(true)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, PartNumber: 1 }))
    expect(head).toMatchObject({ ContentLength: 5 * MEBIBYTE, PartsCount: 2 })
    const { ObjectSize } = await client.send(
      new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectSize'] }),
    )
    expect(ObjectSize).toBe(5 * MEBIBYTE + 100)
  })

  it('lists plaintext lengths of both, and asks about each object once', async () => {
    const sizes = Object.fromEntries(
      ['foreign', 'own'].flatMap((whose) => [
        ...Object.entries(LENGTHS).map(([name, length]) => [`${whose}/${name}`, length] as const),
        [`${whose}/parts & more`, 5 * MEBIBYTE + 100] as const,
      ]),
    )
    for (const Prefix of ['foreign/', 'own/']) {
      const wanted = Object.fromEntries(Object.entries(sizes).filter(([key]) => key.startsWith(Prefix)))
      const keyed = (listed: readonly { Key?: string | undefined; Size?: number | undefined }[] = []) =>
        Object.fromEntries(listed.map(({ Key, Size }) => [Key, Size]))
      const encoded = await client.send(new ListObjectsV2Command({ Bucket, Prefix, EncodingType: 'url' }))
      const decoded = encoded.Contents?.map(({ Key, Size }) => ({ Key: decodeURIComponent(Key!), Size }))
      expect(keyed(decoded)).toEqual(wanted)
      expect(keyed((await client.send(new ListObjectsCommand({ Bucket, Prefix }))).Contents)).toEqual(wanted)
      const versions = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }))
      expect(keyed(versions.Versions)).toEqual(wanted)
    }
    harness.upstream.requests = []
    await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'own/' }))
    expect(harness.upstream.requests).toHaveLength(1)
  })

  it('seals a foreign object that is copied, elsewhere or onto itself', async () => {
    const body = bodies.get('a large')!
    const CopySource = `${Bucket}/foreign/a large`
    await client.send(new CopyObjectCommand({ Bucket, Key: 'migrated', CopySource }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'onto', Body: 'x' }))
    await direct.send(new PutObjectCommand({ Bucket, Key: 'onto', Body: body, Metadata: { kept: 'yes' } }))
    await client.send(new CopyObjectCommand({ Bucket, Key: 'onto', CopySource: `${Bucket}/onto` }))
    for (const Key of ['migrated', 'onto']) {
      expect((await bytesOf(client, { Key })).equals(body)).toBe(true)
      const headers = await headersOf(client, new HeadObjectCommand({ Bucket, Key }))
      expect(headers).not.toHaveProperty('portcullis-encryption')
      expect(headers).toMatchObject({ 'x-amz-meta-kept': 'yes' })
      expect((await bytesOf(direct, { Key })).includes(body.subarray(0, 64))).toBe(false)
    }
  })

  it('seals a foreign object that is copied into a part', async () => {
    const Key = 'assembled'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const source = { CopySource: `${Bucket}/foreign/a large`, CopySourceRange: 'bytes=10-99' }
    const { CopyPartResult } = await client.send(
      new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber: 1, ...source }),
    )
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: CopyPartResult!.ETag }] }
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }))
    expect((await bytesOf(client, { Key })).equals(bodies.get('a large')!.subarray(10, 100))).toBe(true)
  })

  it('keeps conditions and absence as they are', async () => {
    const Key = 'foreign/a tiny'
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key }))
    await expect(bytesOf(client, { Key, IfNoneMatch: ETag })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    })
    await expect(bytesOf(client, { Key, IfMatch: '"other"' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    })
    await expect(bytesOf(client, { Key: 'absent' })).rejects.toMatchObject({ name: 'NoSuchKey' })
  })
})

describe('a store that is not migrating', () => {
  const harness = new ProxyHarness()
  let client: S3Client

  beforeAll(async () => {
    await harness.start()
    client = harness.client(ACCESS_KEYS.acme)
    for (const [name, length] of Object.entries(LENGTHS)) {
      await harness.direct().send(new PutObjectCommand({ Bucket, Key: name, Body: randomBytes(length) }))
    }
  })
  afterAll(() => harness.stop())

  it.each(Object.keys(LENGTHS))('refuses %s foreign object', async (Key) => {
    const refusal = { name: 'CiphertextInvalid', $metadata: { httpStatusCode: 502 } }
    await expect(bytesOf(client, { Key })).rejects.toMatchObject(refusal)
    await expect(bytesOf(client, { Key, Range: 'bytes=0-1' })).rejects.toMatchObject(refusal)
    const copied = client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}` }))
    await expect(copied).rejects.toMatchObject(refusal)
    await expect(bytesOf(client, { Key: 'copy' })).rejects.toMatchObject({ name: 'NoSuchKey' })
  })

  it('says that a foreign object was not encrypted here', async () => {
    await expect(bytesOf(client, { Key: 'a middling' })).rejects.toThrow('was not encrypted by this gateway')
  })
})
