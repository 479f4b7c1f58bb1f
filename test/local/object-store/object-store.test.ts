import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../../src/local/object-store/object-store.ts'
import { startObjectStore } from '../../../src/local/object-store/object-store.ts'
import { signRequest } from '../../../src/protocol/s3/sign-request.ts'

const CREDENTIALS = { accessKeyId: 'AKIALOCALSTORE', secretAccessKey: 'local-secret' }
const REGION = 'eu-central-1'
const Bucket = 'attachments'
const MEBIBYTE = 1024 * 1024

let directory: string
let store: ObjectStore
let client: S3Client

function start(): Promise<ObjectStore> {
  return startObjectStore({ directory, port: 0, credentials: CREDENTIALS, bucket: Bucket, region: REGION })
}

function connect(): S3Client {
  return new S3Client({
    endpoint: store.endpoint,
    region: REGION,
    credentials: CREDENTIALS,
    forcePathStyle: true,
    maxAttempts: 1,
  })
}

async function bytesOf(body: { transformToByteArray(): Promise<Uint8Array> } | undefined): Promise<Buffer> {
  return Buffer.from(await body!.transformToByteArray())
}

function md5(data: Uint8Array): string {
  return `"${createHash('md5').update(data).digest('hex')}"`
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-object-store-'))
  store = await start()
  client = connect()
})

afterAll(async () => {
  client.destroy()
  await store.stop()
  rmSync(directory, { recursive: true, force: true })
})

describe('objects', () => {
  it('gives back what was put: bytes, headers, metadata, entity tag and checksum', async () => {
    const body = randomBytes(100_000)
    const put = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'a/b.txt',
        Body: body,
        ContentType: 'text/plain',
        ContentDisposition: 'attachment; filename="b.txt"',
        Metadata: { note: 'one' },
        ChecksumAlgorithm: 'CRC64NVME',
      }),
    )
    expect(put.ETag).toBe(md5(body))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'a/b.txt', ChecksumMode: 'ENABLED' }))
    expect((await bytesOf(got.Body)).equals(body)).toBe(true)
    expect(got).toMatchObject({
      ContentType: 'text/plain',
      ContentLength: 100_000,
      ContentDisposition: 'attachment; filename="b.txt"',
      Metadata: { note: 'one' },
      ETag: md5(body),
      ChecksumCRC64NVME: put.ChecksumCRC64NVME!,
      ChecksumType: 'FULL_OBJECT',
    })
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a/b.txt', Range: 'bytes=10-19' }))
    expect(head).toMatchObject({ ContentLength: 10, ContentRange: 'bytes 10-19/100000' })
  })

  it('takes a stream of unknown chunks with a trailing checksum', async () => {
    const body = randomBytes(300_001)
    const pieces = Readable.from([body.subarray(0, 100_000), body.subarray(100_000)])
    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'stream',
        Body: pieces,
        ContentLength: body.length,
        ChecksumAlgorithm: 'SHA256',
      }),
    )
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'stream' }))
    expect((await bytesOf(got.Body)).equals(body)).toBe(true)
    expect(got.ContentEncoding).toBeUndefined()
  })

  it.each([
    '../../etc/passwd',
    'a//b',
    'a%2Fb',
    '\u{1f600}/ä ö+&=?',
    '/leading',
    'a/./b',
    '\u0001',
    'x'.repeat(1024),
  ])('takes the key %j as it is', async (Key) => {
    const Body = Buffer.from(`content of ${Key}`)
    await client.send(new PutObjectCommand({ Bucket, Key, Body }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key }))
    expect((await bytesOf(got.Body)).equals(Body)).toBe(true)
    const list = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key, EncodingType: 'url' }))
    expect(list.Contents!.map((entry) => decodeURIComponent(entry.Key!))).toEqual([Key])
    await client.send(new DeleteObjectCommand({ Bucket, Key }))
    await expect(client.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
      name: 'NotFound',
    })
  })

  it.each([
    ['bytes=0-3', 'bytes 0-3/10', '0123'],
    ['bytes=7-', 'bytes 7-9/10', '789'],
    ['bytes=-2', 'bytes 8-9/10', '89'],
    ['bytes=5-100', 'bytes 5-9/10', '56789'],
  ])('reads %s', async (Range, ContentRange, text) => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'digits', Body: '0123456789' }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'digits', Range }))
    expect(got.ContentRange).toBe(ContentRange)
    expect((await bytesOf(got.Body)).toString()).toBe(text)
  })

  it('refuses a range past the end', async () => {
    await expect(
      client.send(new GetObjectCommand({ Bucket, Key: 'digits', Range: 'bytes=10-' })),
    ).rejects.toMatchObject({
      name: 'InvalidRange',
      $metadata: { httpStatusCode: 416 },
    })
  })

  it('serves an empty object', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: '' }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'empty' }))
    expect(got.ContentLength).toBe(0)
  })

  it('honours conditions of reads and writes', async () => {
    const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: 'condition', Body: 'one' }))
    const put = (options: { IfMatch?: string; IfNoneMatch?: string }): Promise<unknown> =>
      client.send(new PutObjectCommand({ Bucket, Key: 'condition', Body: 'two', ...options }))
    await expect(put({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(put({ IfMatch: '"0"' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    for (const IfNoneMatch of [ETag!, '"0"']) {
      await expect(put({ IfNoneMatch })).rejects.toMatchObject({ name: 'NotImplemented' })
    }
    const get = (options: object): Promise<unknown> =>
      client.send(new GetObjectCommand({ Bucket, Key: 'condition', ...options }))
    await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    await expect(get({ IfMatch: '"0"' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } })
    await expect(get({ IfMatch: ETag })).resolves.toBeDefined()
    await put({ IfMatch: ETag! })
  })

  it('copies, with and without new metadata', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'source ä', Body: 'copied', Metadata: { a: '1' } }))
    const CopySource = `${Bucket}/${encodeURIComponent('source ä')}`
    await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }))
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'copy' }))).toMatchObject({
      Metadata: { a: '1' },
    })
    await client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'copy',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    )
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'copy' }))).toMatchObject({
      Metadata: { b: '2' },
    })
    await expect(
      client.send(new CopyObjectCommand({ Bucket, Key: 'source ä', CopySource })),
    ).rejects.toMatchObject({ name: 'InvalidRequest' })
  })

  it('tags', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'tagged', Body: '', Tagging: 'a=1&b=2' }))
    const TagSet = [{ Key: 'c', Value: '<3>' }]
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet).toHaveLength(2)
    await client.send(new PutObjectTaggingCommand({ Bucket, Key: 'tagged', Tagging: { TagSet } }))
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet).toEqual(TagSet)
  })

  it('deletes many at once', async () => {
    const Objects = Array.from({ length: 20 }, (_, index) => ({ Key: `many/${index}` }))
    for (const { Key } of Objects) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
    const deleted = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(deleted.Deleted).toHaveLength(20)
    expect((await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'many/' }))).KeyCount).toBe(0)
  })
})

describe('lists', () => {
  const keys = ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/d/1', 'l/e', 'l/ä']
  beforeAll(async () => {
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
  })

  it.each([1, 2, 3, 1000])('pages through keys and common prefixes, %i at a time', async (MaxKeys) => {
    const found: string[] = []
    let ContinuationToken: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'l/', Delimiter: '/', MaxKeys, ContinuationToken }),
      )
      expect(page.KeyCount).toBeLessThanOrEqual(MaxKeys)
      found.push(
        ...(page.Contents ?? []).map((entry) => entry.Key!),
        ...(page.CommonPrefixes ?? []).map((entry) => entry.Prefix!),
      )
      ContinuationToken = page.NextContinuationToken
      expect(page.IsTruncated).toBe(ContinuationToken !== undefined)
    } while (ContinuationToken !== undefined)
    expect(found.sort()).toEqual(['l/a', 'l/b/', 'l/c', 'l/d/', 'l/e', 'l/ä'])
  })

  it('pages version 1 with a marker', async () => {
    const first = await client.send(
      new ListObjectsCommand({ Bucket, Prefix: 'l/', Delimiter: '/', MaxKeys: 2 }),
    )
    expect(first.NextMarker).toBe('l/b/')
    const second = await client.send(
      new ListObjectsCommand({ Bucket, Prefix: 'l/', Delimiter: '/', Marker: first.NextMarker! }),
    )
    expect(second.Contents!.map((entry) => entry.Key)).toEqual(['l/c', 'l/e', 'l/ä'])
    expect(second.CommonPrefixes).toEqual([{ Prefix: 'l/d/' }])
  })

  it('starts after a key and lists each object as its null version', async () => {
    const after = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', StartAfter: 'l/c' }))
    expect(after.Contents!.map((entry) => entry.Key)).toEqual(['l/d/1', 'l/e', 'l/ä'])
    const versions = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'l/' }))
    expect(versions.Versions).toHaveLength(7)
    expect(versions.Versions![0]).toMatchObject({ VersionId: 'null', IsLatest: true, Size: 3 })
  })

  it('lists its bucket', async () => {
    expect((await client.send(new ListBucketsCommand({}))).Buckets!.map(({ Name }) => Name)).toEqual([Bucket])
    await client.send(new HeadBucketCommand({ Bucket }))
  })
})

describe('multipart uploads', () => {
  const first = randomBytes(5 * MEBIBYTE)
  const second = randomBytes(5 * MEBIBYTE + 1)
  const third = randomBytes(10)
  const whole = Buffer.concat([first, second, third])

  it('assembles parts uploaded in any order, one of them twice and one copied', async () => {
    const Key = 'multipart'
    await client.send(
      new PutObjectCommand({ Bucket, Key: 'part source', Body: Buffer.concat([second, third]) }),
    )
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'a/b' }),
    )
    const upload = (PartNumber: number, Body: Buffer): Promise<{ ETag?: string | undefined }> =>
      client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
    const part3 = await upload(3, third)
    await upload(1, randomBytes(100))
    const part1 = await upload(1, first)
    const part2 = await client.send(
      new UploadPartCopyCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: 2,
        CopySource: `${Bucket}/part%20source`,
        CopySourceRange: `bytes=0-${second.length - 1}`,
      }),
    )
    const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }))
    expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '2' })
    expect(listed.Parts!.map(({ Size }) => Size)).toEqual([first.length, second.length])
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }))
    expect(uploads.Uploads!.map((entry) => entry.UploadId)).toEqual([UploadId])
    const complete = await client.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key,
        UploadId,
        MultipartUpload: {
          Parts: [
            { PartNumber: 1, ETag: part1.ETag },
            { PartNumber: 2, ETag: part2.CopyPartResult!.ETag },
            { PartNumber: 3, ETag: part3.ETag },
          ],
        },
      }),
    )
    expect(complete.ETag).toMatch(/^"[0-9a-f]{32}-3"$/)
    const got = await client.send(new GetObjectCommand({ Bucket, Key }))
    expect((await bytesOf(got.Body)).equals(whole)).toBe(true)
    expect(got.ContentType).toBe('a/b')
    const across = await client.send(
      new GetObjectCommand({ Bucket, Key, Range: `bytes=${first.length - 3}-${first.length + 2}` }),
    )
    expect((await bytesOf(across.Body)).equals(whole.subarray(first.length - 3, first.length + 3))).toBe(true)
    const part = await client.send(new GetObjectCommand({ Bucket, Key, PartNumber: 3 }))
    expect(part).toMatchObject({ PartsCount: 3, ContentLength: 10 })
    const attributes = await client.send(
      new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectParts', 'ObjectSize'] }),
    )
    expect(attributes.ObjectSize).toBe(whole.length)
    expect(attributes.ObjectParts!.Parts!.map(({ Size }) => Size)).toEqual([first.length, second.length, 10])
  })

  it.each([
    ['FULL_OBJECT', 'CRC32'],
    ['COMPOSITE', 'SHA256'],
    ['FULL_OBJECT', 'CRC64NVME'],
  ] as const)('gives the %s checksum %s', async (ChecksumType, ChecksumAlgorithm) => {
    const Key = `checksum-${ChecksumAlgorithm}`
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm, ChecksumType }),
    )
    const Parts = []
    for (const [index, Body] of [first, third].entries()) {
      const part = await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm }),
      )
      Parts.push({ ...part, PartNumber: index + 1 })
    }
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
    expect(head.ChecksumType).toBe(ChecksumType)
    const value = head[`Checksum${ChecksumAlgorithm}`]!
    if (ChecksumType === 'COMPOSITE') expect(value).toMatch(/-2$/)
    else {
      const put = await client.send(
        new PutObjectCommand({
          Bucket,
          Key: 'whole',
          Body: Buffer.concat([first, third]),
          ChecksumAlgorithm,
        }),
      )
      expect(value).toBe(put[`Checksum${ChecksumAlgorithm}`])
    }
  })

  it('refuses small parts, wrong entity tags, wrong order and unknown uploads', async () => {
    const Key = 'refused'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts = []
    for (const PartNumber of [1, 2]) {
      const { ETag } = await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: 'small' }),
      )
      Parts.push({ PartNumber, ETag })
    }
    const complete = (parts: object[]): Promise<unknown> =>
      client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }),
      )
    await expect(complete(Parts)).rejects.toMatchObject({ name: 'EntityTooSmall' })
    await expect(complete([{ PartNumber: 1, ETag: '"0"' }])).rejects.toMatchObject({ name: 'InvalidPart' })
    await expect(complete(Parts.toReversed())).rejects.toMatchObject({ name: 'InvalidPartOrder' })
    await expect(
      client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: 'x' })),
    ).rejects.toMatchObject({ name: 'InvalidArgument' })
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    await expect(complete(Parts)).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })
})

describe('safety', () => {
  async function rawPut(
    headers: string[],
    body: Buffer,
    payloadHash = 'UNSIGNED-PAYLOAD',
  ): Promise<Response> {
    const { host } = new URL(store.endpoint)
    const path = `/${Bucket}/raw`
    const signed = signRequest(
      { method: 'PUT', path, query: '', host, headers, payloadHash },
      CREDENTIALS,
      REGION,
      Date.now(),
    )
    const pairs: [string, string][] = []
    for (let index = 0; index < signed.length; index += 2) {
      if (signed[index] !== 'host') pairs.push([signed[index]!, signed[index + 1]!])
    }
    return fetch(`${store.endpoint}${path}`, { method: 'PUT', headers: pairs, body: new Uint8Array(body) })
  }

  it.each([
    [
      'a wrong payload hash',
      [],
      'XAmzContentSHA256Mismatch',
      createHash('sha256').update('other').digest('hex'),
    ],
    ['a wrong Content-MD5', ['content-md5', 'AAAAAAAAAAAAAAAAAAAAAA=='], 'BadDigest', 'UNSIGNED-PAYLOAD'],
    ['a wrong checksum', ['x-amz-checksum-crc32', 'AAAAAA=='], 'BadDigest', 'UNSIGNED-PAYLOAD'],
  ])('stores nothing for %s', async (_, headers, code, payloadHash) => {
    const response = await rawPut(headers, Buffer.from('body'), payloadHash)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(`<Code>${code}</Code>`)
    await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'raw' }))).rejects.toMatchObject({
      name: 'NotFound',
    })
  })

  it('refuses wrong credentials and another region', async () => {
    for (const options of [
      { credentials: { ...CREDENTIALS, secretAccessKey: 'x' } },
      { region: 'us-east-1' },
    ]) {
      const other = new S3Client({
        endpoint: store.endpoint,
        region: REGION,
        credentials: CREDENTIALS,
        forcePathStyle: true,
        maxAttempts: 1,
        ...options,
      })
      await expect(other.send(new ListBucketsCommand({}))).rejects.toMatchObject({
        name: expect.stringMatching(/SignatureDoesNotMatch|AuthorizationHeaderMalformed/),
      })
      other.destroy()
    }
  })

  it('keeps objects and uploads over a restart and removes what no object names', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'durable', Body: 'still here' }))
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'open' }))
    await client.send(new UploadPartCommand({ Bucket, Key: 'open', UploadId, PartNumber: 1, Body: 'part' }))
    const before = readdirSync(join(directory, 'blobs')).length
    client.destroy()
    await store.stop()
    writeFileSync(join(directory, 'blobs', 'left-by-a-crash'), 'half')
    store = await start()
    client = connect()
    expect(readdirSync(join(directory, 'blobs'))).toHaveLength(before)
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'durable' }))
    expect((await bytesOf(got.Body)).toString()).toBe('still here')
    expect((await client.send(new ListPartsCommand({ Bucket, Key: 'open', UploadId }))).Parts).toHaveLength(1)
  })

  it('takes over what was stored before it kept versions', async () => {
    const Body = randomBytes(1_000)
    await client.send(new PutObjectCommand({ Bucket, Key: 'older', Body }))
    await store.stop()
    const index = new DatabaseSync(join(directory, 'index.sqlite'))
    index.exec(`CREATE TABLE objects (
        bucket TEXT NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
      INSERT INTO objects SELECT bucket, key, row FROM versions;
      DROP TABLE versions`)
    index.close()
    store = await start()
    client.destroy()
    client = connect()
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'older' }))
    expect((await bytesOf(got.Body)).equals(Body)).toBe(true)
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'older' }))
    await expect(client.send(new GetObjectCommand({ Bucket, Key: 'older' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    })
  })

  it('keeps a file that is being read while its object is replaced', async () => {
    const body = randomBytes(8 * MEBIBYTE)
    await client.send(new PutObjectCommand({ Bucket, Key: 'replaced', Body: body }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'replaced' }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'replaced', Body: 'new' }))
    expect((await bytesOf(got.Body)).equals(body)).toBe(true)
  })
})
