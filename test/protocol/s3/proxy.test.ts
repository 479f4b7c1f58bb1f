import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  GetObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { multipartChecksum } from '../../../src/protocol/s3/multipart-checksum.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness, TestLease } from './proxy-harness.ts'

const MEBIBYTE = 1024 * 1024
const harness = new ProxyHarness()
let client: S3Client
let direct: S3Client

beforeAll(async () => {
  await harness.start()
  client = harness.client(ACCESS_KEYS.acme)
  direct = harness.direct()
})

afterAll(() => harness.stop())

async function bytesOf(body: { transformToByteArray(): Promise<Uint8Array> } | undefined): Promise<Buffer> {
  return Buffer.from(await body!.transformToByteArray())
}

async function read(Key: string, Range?: string): Promise<Buffer> {
  const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }))
  return bytesOf(got.Body)
}

/** Uploads parts of the given plaintexts in reverse order. */
async function upload(Key: string, bodies: Buffer[], options: object = {}, by = client): Promise<string> {
  const { UploadId } = await by.send(new CreateMultipartUploadCommand({ Bucket, Key, ...options }))
  const Parts = []
  for (const [index, Body] of [...bodies.entries()].toReversed()) {
    const part = await by.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body, ...options }),
    )
    Parts.unshift({ ...part, PartNumber: index + 1 })
  }
  const done = await by.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  )
  return done.ETag!
}

describe('objects', () => {
  it.each([0, 1, 1000, 65_535, 65_536, 65_537, 131_072, 131_073, 1_000_000, 9_000_001])(
    'come back byte for byte: %i bytes',
    async (length) => {
      const Key = `sizes/${length}`
      const Body = randomBytes(length)
      const put = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentType: 'image/png', Metadata: { a: 'b' } }),
      )
      expect(put.ServerSideEncryption).toBe('aws:kms')
      const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
      expect((await bytesOf(got.Body)).equals(Body)).toBe(true)
      expect(got).toMatchObject({
        ContentLength: length,
        ContentType: 'image/png',
        Metadata: { a: 'b' },
        ETag: put.ETag!,
        ChecksumCRC32: put.ChecksumCRC32!,
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: ACCESS_KEYS.acme.writer.authority.keys[0]!.keyArn,
      })
      const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
      expect(head).toMatchObject({
        ContentLength: length,
        ETag: put.ETag!,
        ChecksumCRC32: put.ChecksumCRC32!,
      })
      const list = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
      expect(list.Contents![0]).toMatchObject({ Size: length, ETag: put.ETag! })
      if (length >= 1000) expect(harness.storeHolds(Body.subarray(0, 200))).toBe(false)
    },
  )

  it.each(['../../etc/passwd', 'a//b', 'a%2Fb', '\u{1f600}/ä ö+&=?', '/leading', 'a/./b', 'x'.repeat(1024)])(
    'keep the key %j as it is',
    async (Key) => {
      const Body = Buffer.from(`content of ${Key}`)
      await client.send(new PutObjectCommand({ Bucket, Key, Body }))
      expect((await read(Key)).equals(Body)).toBe(true)
      const stored = await direct.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
      expect(stored.Contents!.map((entry) => entry.Key)).toEqual([Key])
      const deleted = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } }))
      expect(deleted.Deleted).toEqual([{ Key }])
      await expect(read(Key)).rejects.toMatchObject({ name: 'NoSuchKey' })
    },
  )

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'keep a %s checksum',
    async (ChecksumAlgorithm) => {
      for (const Body of [
        Buffer.from('small'),
        Readable.from([randomBytes(200_000), randomBytes(200_000)]),
      ]) {
        const Key = `checksum-${ChecksumAlgorithm}`
        const ContentLength = Buffer.isBuffer(Body) ? Body.length : 400_000
        await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength, ChecksumAlgorithm }))
        const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
        const content = await read(Key)
        const digest = { SHA1: 'sha1', SHA256: 'sha256' }[ChecksumAlgorithm as string]
        const value = head[`Checksum${ChecksumAlgorithm}`]
        if (digest !== undefined) expect(value).toBe(createHash(digest).update(content).digest('base64'))
        else expect(value).toBeTruthy()
        expect(head.ChecksumType).toBe('FULL_OBJECT')
      }
    },
  )

  it('carry tags, which the store sees', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'tagged', Body: 'x', Tagging: 'a=1' }))
    const TagSet = [{ Key: 'b', Value: '<2>' }]
    await client.send(new PutObjectTaggingCommand({ Bucket, Key: 'tagged', Tagging: { TagSet } }))
    expect((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet).toEqual(TagSet)
  })

  it('honour conditions with the same entity tag everywhere', async () => {
    const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: 'conditional', Body: 'one' }))
    const get = (options: object): Promise<unknown> =>
      client.send(new GetObjectCommand({ Bucket, Key: 'conditional', ...options }))
    await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    await expect(get({ IfNoneMatch: ETag, Range: 'bytes=0-0' })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    })
    await expect(get({ IfMatch: '"0"' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } })
    await expect(get({ IfMatch: ETag })).resolves.toBeDefined()
    const put = (options: object): Promise<unknown> =>
      client.send(
        new PutObjectCommand({ Bucket, Key: 'conditional', Body: randomBytes(300_000), ...options }),
      )
    await expect(put({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(put({ IfNoneMatch: '"0"' })).rejects.toMatchObject({ name: 'NotImplemented' })
    await expect(put({ IfMatch: '"0"' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    expect((await read('conditional')).toString()).toBe('one')
    await put({ IfMatch: ETag })
  })

  it('are deleted under the condition of a time, and under none of a stored size', async () => {
    const object = { Bucket, Key: 'deleted-if' }
    await client.send(new PutObjectCommand({ ...object, Body: 'x' }))
    const bySize = new DeleteObjectCommand({ ...object, IfMatchSize: 1 })
    await expect(client.send(bySize)).rejects.toMatchObject({ name: 'NotImplemented' })
    expect(await read(object.Key)).toHaveLength(1)
    await client.send(new DeleteObjectCommand({ ...object, IfMatchLastModifiedTime: new Date() }))
    expect(harness.upstream.headers).toContain('x-amz-if-match-last-modified-time')
  })

  it('list with plaintext lengths in every form', async () => {
    const Body = randomBytes(70_000)
    await client.send(new PutObjectCommand({ Bucket, Key: 'lists/<&>', Body }))
    const one = await client.send(new ListObjectsCommand({ Bucket, Prefix: 'lists/' }))
    const versions = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'lists/' }))
    expect(one.Contents![0]).toMatchObject({ Key: 'lists/<&>', Size: 70_000 })
    expect(versions.Versions![0]).toMatchObject({ Key: 'lists/<&>', Size: 70_000, VersionId: 'null' })
  })

  it('show the bucket as encrypted under the customer key', async () => {
    const { ServerSideEncryptionConfiguration } = await client.send(
      new GetBucketEncryptionCommand({ Bucket }),
    )
    expect(ServerSideEncryptionConfiguration!.Rules![0]!.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: ACCESS_KEYS.acme.writer.authority.keys[0]!.keyArn,
    })
  })
})

describe('ranges', () => {
  const whole = randomBytes(400_000)
  const parts = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE), randomBytes(1 * MEBIBYTE + 7)]
  const uneven = [randomBytes(6 * MEBIBYTE + 1), randomBytes(5 * MEBIBYTE + 3), randomBytes(7)]
  const objects: Record<string, Buffer> = {
    whole,
    parts: Buffer.concat(parts),
    uneven: Buffer.concat(uneven),
    ended: Buffer.concat(parts.slice(0, 2)),
  }

  beforeAll(async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'range/whole', Body: whole }))
    await upload('range/parts', parts)
    await upload('range/uneven', uneven)
    await upload('range/ended', parts.slice(0, 2))
  })

  it.each(Object.keys(objects))('select exactly what they say: %s', async (name) => {
    const object = objects[name]!
    const edges = [0, 1, 65_535, 65_536, object.length - 1]
    if (name !== 'whole') edges.push(5 * MEBIBYTE - 1, 5 * MEBIBYTE, 5 * MEBIBYTE + 65_536, 6 * MEBIBYTE + 1)
    for (const start of edges.filter((edge) => edge < object.length)) {
      for (const bytes of [1, 65_537, 200_000]) {
        const end = Math.min(start + bytes, object.length) - 1
        const got = await client.send(
          new GetObjectCommand({
            Bucket,
            Key: `range/${name}`,
            Range: `bytes=${start}-${start + bytes - 1}`,
          }),
        )
        expect(got.ContentRange).toBe(`bytes ${start}-${end}/${object.length}`)
        expect((await bytesOf(got.Body)).equals(object.subarray(start, end + 1))).toBe(true)
      }
    }
    expect((await read(`range/${name}`, 'bytes=-5')).equals(object.subarray(-5))).toBe(true)
    expect((await read(`range/${name}`, 'bytes=7-')).equals(object.subarray(7))).toBe(true)
    const head = await client.send(
      new HeadObjectCommand({ Bucket, Key: `range/${name}`, Range: 'bytes=2-5' }),
    )
    expect(head).toMatchObject({ ContentLength: 4, ContentRange: `bytes 2-5/${object.length}` })
    for (const Range of [`bytes=${object.length}-`, 'bytes=-0']) {
      await expect(read(`range/${name}`, Range)).rejects.toMatchObject({ name: 'InvalidRange' })
    }
  })

  it('of a multipart object cost two requests and little more than their length', async () => {
    harness.upstream.requests = []
    harness.upstream.bytes = 0
    await read('range/parts', `bytes=${7 * MEBIBYTE + 1000}-${8 * MEBIBYTE + 999}`)
    expect(harness.upstream.requests).toHaveLength(2)
    expect(harness.upstream.bytes).toBeLessThanOrEqual(1.1 * MEBIBYTE)
  })

  it('are ignored when malformed', async () => {
    expect(await read('range/whole', 'bytes=5-2')).toHaveLength(whole.length)
    expect(await read('range/whole', 'bytes=0-1,3-4')).toHaveLength(whole.length)
  })
})

describe('multipart uploads', () => {
  it('become one object with plaintext lengths in every answer', async () => {
    const bodies = [randomBytes(5 * MEBIBYTE + 9), randomBytes(6 * MEBIBYTE), randomBytes(100)]
    const object = Buffer.concat(bodies)
    const ETag = await upload('multi', bodies, { ContentType: 'text/x' })
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'multi' }))
    expect((await bytesOf(got.Body)).equals(object)).toBe(true)
    expect(got.ETag).toBe(ETag)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'multi' }))
    expect(head.ContentLength).toBe(object.length)
    const list = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'multi' }))
    expect(list.Contents![0]!.Size).toBe(object.length)
    expect(harness.storeHolds(object.subarray(0, 200))).toBe(false)
  })

  it('list their parts with plaintext lengths', async () => {
    const Key = 'listed'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    for (const [index, length] of [70_000, 0, 65_536].entries()) {
      await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body: randomBytes(length) }),
      )
    }
    const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
    expect(listed.Parts!.map(({ Size }) => Size)).toEqual([70_000, 0, 65_536])
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  })

  it('whose parts are not alike count them and keep their checksum as others do', async () => {
    // The end of the second stands where that of equal parts would.
    for (const [Key, lengths] of [
      ['unlike/short-first', [5, 7]],
      ['unlike/same-sum', [6, 5, 7]],
      ['unlike/long-first', [7, 5, 5]],
    ] as const) {
      const bodies = lengths.map((mebibytes) => randomBytes(mebibytes * MEBIBYTE))
      await upload(Key, bodies)
      const last = await client.send(new GetObjectCommand({ Bucket, Key, PartNumber: lengths.length }))
      expect(last.PartsCount).toBe(lengths.length)
      expect((await bytesOf(last.Body)).equals(bodies.at(-1)!)).toBe(true)
      await expect(
        client.send(new GetObjectCommand({ Bucket, Key, PartNumber: lengths.length + 1 })),
      ).rejects.toMatchObject({ $metadata: { httpStatusCode: 416 } })
      const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
      expect(head.ChecksumCRC32).toBeTruthy()
      const attributes = await client.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectParts'] }),
      )
      expect(attributes.ObjectParts?.TotalPartsCount).toBe(lengths.length)
      expect(attributes.ObjectParts?.Parts?.map(({ Size }) => Size)).toEqual(
        lengths.map((mebibytes) => mebibytes * MEBIBYTE),
      )
    }
  })

  it('serve an object that was put whole as its only part', async () => {
    for (const length of [0, 10, 300_000]) {
      const Body = randomBytes(length)
      const asked = { Bucket, Key: 'only-part', PartNumber: 1 }
      await client.send(new PutObjectCommand({ Bucket, Key: 'only-part', Body }))
      const head = await client.send(new HeadObjectCommand(asked))
      expect(head.ContentLength).toBe(length)
      const got = await client.send(new GetObjectCommand(asked))
      expect((await bytesOf(got.Body)).equals(Body)).toBe(true)
      expect(got.ETag).toBe(head.ETag)
    }
  })

  it('serve single parts and say how many there are', async () => {
    const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE)]
    await upload('by-part', bodies)
    for (const [index, body] of bodies.entries()) {
      const part = await client.send(new GetObjectCommand({ Bucket, Key: 'by-part', PartNumber: index + 1 }))
      expect(part).toMatchObject({
        PartsCount: 2,
        ContentLength: body.length,
        ContentRange: `bytes ${index * body.length}-${(index + 1) * body.length - 1}/${2 * body.length}`,
      })
      expect((await bytesOf(part.Body)).equals(body)).toBe(true)
    }
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'by-part', PartNumber: 2 }))
    expect(head).toMatchObject({ PartsCount: 2, ContentLength: 5 * MEBIBYTE })
    await expect(
      client.send(new GetObjectCommand({ Bucket, Key: 'by-part', PartNumber: 3 })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 416 } })
    const attributes = await client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key: 'by-part',
        ObjectAttributes: ['ETag', 'ObjectParts', 'ObjectSize'],
      }),
    )
    expect(attributes.ObjectSize).toBe(10 * MEBIBYTE)
    expect(attributes.ObjectParts).toMatchObject({
      TotalPartsCount: 2,
      Parts: [{ Size: 5 * MEBIBYTE }, { Size: 5 * MEBIBYTE }],
    })
  })

  it.each([
    ['CRC64NVME', 'FULL_OBJECT'],
    ['SHA256', 'COMPOSITE'],
  ] as const)('keep the %s checksum of their client', async (ChecksumAlgorithm, type) => {
    const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE)]
    await upload(`checksum-${type}`, bodies, { ChecksumAlgorithm })
    const head = await client.send(
      new HeadObjectCommand({ Bucket, Key: `checksum-${type}`, ChecksumMode: 'ENABLED' }),
    )
    expect(head.ChecksumType).toBe(type)
    const put = await client.send(
      new PutObjectCommand({ Bucket, Key: 'whole', Body: Buffer.concat(bodies), ChecksumAlgorithm }),
    )
    if (type === 'FULL_OBJECT') expect(head.ChecksumCRC64NVME).toBe(put.ChecksumCRC64NVME)
    else expect(head.ChecksumSHA256).toMatch(/-2$/)
  })

  it('take a part again without repeating a byte of ciphertext', async () => {
    const Key = 'again'
    const Body = Buffer.alloc(100_000, 'a')
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const put = (): Promise<{ ETag?: string | undefined }> =>
      client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body }))
    const first = await put()
    const second = await put()
    expect(first.ETag).not.toBe(second.ETag)
    const complete = (ETag: string | undefined): Promise<unknown> =>
      client.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
        }),
      )
    await expect(complete(first.ETag)).rejects.toMatchObject({ name: 'InvalidPart' })
    await complete(second.ETag)
    expect((await read(Key)).equals(Body)).toBe(true)
  })

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'take only the checksums that were verified with the parts: %s',
    async (algorithm) => {
      const upload = { Bucket, Key: `listed-checksums/${algorithm}` }
      const created = { ...upload, ChecksumAlgorithm: algorithm }
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(created))
      const part = { ...upload, UploadId, ChecksumAlgorithm: algorithm }
      const field = `Checksum${algorithm}` as const
      const first = await client.send(
        new UploadPartCommand({ ...part, PartNumber: 1, Body: randomBytes(5 * MEBIBYTE) }),
      )
      const last = await client.send(new UploadPartCommand({ ...part, PartNumber: 2, Body: randomBytes(10) }))
      const complete = (sums: [string, string], name: string = field) => {
        const Parts = [first, last].map(({ ETag }, index) => ({
          PartNumber: index + 1,
          ETag,
          [name]: sums[index],
        }))
        return client.send(
          new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }),
        )
      }
      const sums = [first[field]!, last[field]!] as const
      await expect(complete([sums[1], sums[0]])).rejects.toMatchObject({ name: 'InvalidPart' })
      await expect(complete([sums[0], sums[0]])).rejects.toMatchObject({ name: 'InvalidPart' })
      const another = algorithm === 'CRC32' ? 'ChecksumCRC32C' : 'ChecksumCRC32'
      await expect(complete(['AAAAAA==', 'AAAAAA=='], another)).rejects.toMatchObject({ name: 'InvalidPart' })
      // Without a list of its own, from those that the entity tags carry.
      const completed = await complete([...sums], 'Unlisted')
      const type = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE'
      const parts = [5 * MEBIBYTE, 10].map((bytes, index) => ({
        value: Buffer.from(sums[index]!, 'base64'),
        bytes,
      }))
      expect(completed[field]).toBe(multipartChecksum(algorithm, type, parts))
    },
  )

  it('can be completed with the entity tags of ListParts as well', async () => {
    const upload = { Bucket, Key: 'tags-of-the-list' }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(upload))
    const Body = randomBytes(5 * MEBIBYTE)
    await client.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body }))
    const { Parts } = await client.send(new ListPartsCommand({ ...upload, UploadId }))
    await client.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }))
    expect((await read(upload.Key)).equals(Body)).toBe(true)
  })

  it('refuse small parts, gaps, wrong order and unknown uploads', async () => {
    const Key = 'refused'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (const PartNumber of [1, 2, 3]) {
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
    await expect(complete([Parts[0]!, Parts[2]!])).rejects.toMatchObject({ name: 'InvalidPart' })
    await expect(complete(Parts.toReversed())).rejects.toMatchObject({ name: 'InvalidPartOrder' })
    await expect(complete([{ PartNumber: 1, ETag: '"0"' }])).rejects.toMatchObject({ name: 'InvalidPart' })
    await expect(
      client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: 'x' })),
    ).rejects.toMatchObject({ name: 'InvalidArgument' })
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    await expect(complete(Parts)).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })
})

describe('copies', () => {
  it('are sealed anew, with the metadata, tags and checksum of the source', async () => {
    const Body = randomBytes(300_000)
    const source = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'copy/from ä',
        Body,
        Metadata: { a: '1' },
        Tagging: 't=1',
        ContentType: 'a/b',
      }),
    )
    const CopySource = `${Bucket}/copy/${encodeURIComponent('from ä')}`
    const copied = await client.send(new CopyObjectCommand({ Bucket, Key: 'copy/to', CopySource }))
    expect(copied.CopyObjectResult!.ChecksumCRC32).toBe(source.ChecksumCRC32)
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'copy/to', ChecksumMode: 'ENABLED' }))
    expect((await bytesOf(got.Body)).equals(Body)).toBe(true)
    expect(got).toMatchObject({
      Metadata: { a: '1' },
      ContentType: 'a/b',
      TagCount: 1,
      ChecksumCRC32: source.ChecksumCRC32!,
    })
  })

  it('onto themselves change only the metadata', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'copy/self', Body: 'same', Metadata: { a: '1' } }))
    const CopySource = `${Bucket}/copy/self`
    const self = { Bucket, Key: 'copy/self', CopySource }
    await expect(client.send(new CopyObjectCommand(self))).rejects.toMatchObject({ name: 'InvalidRequest' })
    await client.send(new CopyObjectCommand({ ...self, MetadataDirective: 'REPLACE', Metadata: { b: '2' } }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'copy/self' }))
    expect(got.Metadata).toEqual({ b: '2' })
    expect((await bytesOf(got.Body)).toString()).toBe('same')
  })

  it('of parts and of nothing', async () => {
    const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE)]
    await upload('copy/parts', bodies)
    await client.send(new PutObjectCommand({ Bucket, Key: 'copy/empty', Body: '' }))
    for (const [name, expected] of [
      ['parts', Buffer.concat(bodies)],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      await client.send(
        new CopyObjectCommand({ Bucket, Key: 'copy/of', CopySource: `${Bucket}/copy/${name}` }),
      )
      expect((await read('copy/of')).equals(expected)).toBe(true)
    }
  })

  it('of a range become a part', async () => {
    const Body = randomBytes(6 * MEBIBYTE)
    await client.send(new PutObjectCommand({ Bucket, Key: 'copy/range', Body }))
    const Key = 'copy/assembled'
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const { CopyPartResult } = await client.send(
      new UploadPartCopyCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/copy/range`,
        CopySourceRange: `bytes=1000-${5 * MEBIBYTE + 1999}`,
      }),
    )
    const { ETag } = await client.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: 'end' }),
    )
    const Parts = [
      { PartNumber: 1, ETag: CopyPartResult!.ETag },
      { PartNumber: 2, ETag },
    ]
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    const expected = Buffer.concat([Body.subarray(1000, 5 * MEBIBYTE + 2000), Buffer.from('end')])
    expect((await read(Key)).equals(expected)).toBe(true)
  })

  it('across tenants need a key that may read both, and belong to the one that writes', async () => {
    const theirs = harness.client(ACCESS_KEYS.other)
    await theirs.send(new PutObjectCommand({ Bucket, Key: 'theirs', Body: 'secret of other' }))
    await expect(read('theirs')).rejects.toMatchObject({ $metadata: { httpStatusCode: 502 } })
    const copy = { Bucket, Key: 'ours', CopySource: `${Bucket}/theirs` }
    await expect(client.send(new CopyObjectCommand(copy))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    })
    await harness.client(ACCESS_KEYS.both).send(new CopyObjectCommand(copy))
    expect((await read('ours')).toString()).toBe('secret of other')
    await expect(theirs.send(new GetObjectCommand({ Bucket, Key: 'ours' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    })
  })
})

describe('a store that changes what it holds', () => {
  async function stored(Key: string): Promise<Buffer> {
    return bytesOf((await direct.send(new GetObjectCommand({ Bucket, Key }))).Body)
  }
  async function replace(Key: string, Body: Buffer): Promise<void> {
    await direct.send(new PutObjectCommand({ Bucket, Key, Body }))
  }
  async function refused(Key: string, Range?: string): Promise<void> {
    await expect(read(Key, Range)).rejects.toMatchObject({ $metadata: { httpStatusCode: 502 } })
  }

  it('is found out before a byte is released: small objects', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'evil', Body: randomBytes(1000) }))
    await client.send(new PutObjectCommand({ Bucket, Key: 'evil-other', Body: randomBytes(1000) }))
    const sound = await stored('evil')
    const flipped = Buffer.from(sound)
    flipped[500]! ^= 1
    const cases = [
      flipped,
      sound.subarray(0, -1),
      Buffer.concat([sound, Buffer.alloc(1)]),
      sound.subarray(0, 50),
      await stored('evil-other'),
      randomBytes(1200),
      Buffer.alloc(0),
    ]
    for (const bytes of cases) {
      await replace('evil', bytes)
      await refused('evil')
      await refused('evil', 'bytes=0-5')
    }
    await replace('evil', sound)
    expect(await read('evil')).toHaveLength(1000)
  })

  it('is found out when it drops, swaps or repeats parts', async () => {
    const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE)]
    await upload('evil-parts', bodies)
    const object = await stored('evil-parts')
    const partBytes = Math.floor((object.length - 33_000) / 3)
    const size = 5 * MEBIBYTE + (object.length - 15 * MEBIBYTE) / 4
    expect(partBytes).toBeLessThan(size)
    const pieces = [0, 1, 2, 3].map((index) =>
      object.subarray(index * size, Math.min((index + 1) * size, object.length)),
    )
    const assemble = async (order: number[]): Promise<void> => {
      const { UploadId } = await direct.send(new CreateMultipartUploadCommand({ Bucket, Key: 'evil-parts' }))
      const Parts = []
      for (const [index, piece] of order.entries()) {
        const part = { Bucket, Key: 'evil-parts', UploadId, PartNumber: index + 1, Body: pieces[piece]! }
        Parts.push({ PartNumber: index + 1, ETag: (await direct.send(new UploadPartCommand(part))).ETag })
      }
      const done = { Bucket, Key: 'evil-parts', UploadId, MultipartUpload: { Parts } }
      await direct.send(new CompleteMultipartUploadCommand(done))
    }
    for (const order of [
      [0, 1],
      [0, 1, 2],
      [0, 2, 3],
      [1, 0, 2, 3],
      [0, 1, 3],
    ]) {
      await assemble(order)
      await refused('evil-parts')
    }
    // Here the beginning and the end are sound: the transfer is cut where the repeated part stands.
    await assemble([0, 1, 1, 3])
    await expect(read('evil-parts')).rejects.toThrow()
    await assemble([0, 1, 2, 3])
    expect((await read('evil-parts')).equals(Buffer.concat(bodies))).toBe(true)
    await assemble([0, 2, 1, 3])
    await refused('evil-parts', `bytes=${6 * MEBIBYTE}-${6 * MEBIBYTE + 10}`)
  })

  it('is found out when it renames', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'name-a', Body: 'a' }))
    await replace('name-b', await stored('name-a'))
    await refused('name-b')
  })
})

describe('suspension', () => {
  it('is told as S3 XML, on every route', async () => {
    harness.lease.end()
    try {
      for (const command of [
        new GetObjectCommand({ Bucket, Key: 'x' }),
        new PutObjectCommand({ Bucket, Key: 'x', Body: 'x' }),
        new GetBucketEncryptionCommand({ Bucket }),
      ]) {
        await expect(client.send(command as GetObjectCommand)).rejects.toMatchObject({
          name: 'TenantSuspended',
          $metadata: { httpStatusCode: 423 },
        })
      }
    } finally {
      harness.lease = new (harness.lease.constructor as new () => typeof harness.lease)()
    }
  })

  it('cuts a running download and a running upload, of which nothing remains', async () => {
    const Body = randomBytes(16 * MEBIBYTE)
    await client.send(new PutObjectCommand({ Bucket, Key: 'running', Body }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'running' }))
    let sent = 0
    const slow = new Readable({
      read() {
        sent += 1
        if (sent <= 3) this.push(randomBytes(MEBIBYTE))
      },
    })
    const put = client.send(
      new PutObjectCommand({ Bucket, Key: 'cut', Body: slow, ContentLength: 16 * MEBIBYTE }),
    )
    put.catch(() => undefined)
    await expect
      .poll(() => harness.upstream.requests.some((line) => line.includes('PUT /attachments/cut')))
      .toBe(true)
    harness.lease.end()
    await expect(bytesOf(got.Body)).rejects.toThrow()
    await expect(put).rejects.toThrow()
    harness.lease = new (harness.lease.constructor as new () => typeof harness.lease)()
    await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'cut' }))).rejects.toMatchObject({
      name: 'NotFound',
    })
  })
})

describe('a lease whose end nobody has told yet', () => {
  // As after a stop of the process: data may come before the lease's own timer runs.
  it.each(['own', "another organization's"])('lets nothing more out: %s', async (whose) => {
    const Body = randomBytes(32 * MEBIBYTE)
    const owner = harness.client(whose === 'own' ? ACCESS_KEYS.acme : ACCESS_KEYS.other)
    await owner.send(new PutObjectCommand({ Bucket, Key: 'unawares', Body }))
    const lease = new TestLease()
    if (whose === 'own') harness.lease = lease
    else harness.otherLease = lease
    try {
      const reader = harness.client(ACCESS_KEYS.both)
      const got = await reader.send(new GetObjectCommand({ Bucket, Key: 'unawares' }))
      lease.valid = false
      await expect(bytesOf(got.Body).then(({ length }) => length)).rejects.toThrow()
      await expect(reader.send(new GetObjectCommand({ Bucket, Key: 'unawares' }))).rejects.toThrow()
    } finally {
      harness.lease = new TestLease()
      harness.otherLease = undefined
    }
    expect(
      (await bytesOf((await owner.send(new GetObjectCommand({ Bucket, Key: 'unawares' }))).Body)).equals(
        Body,
      ),
    ).toBe(true)
  })
})

describe('a completion whose answer was lost', () => {
  it.each([
    ['with an end record', [5 * MEBIBYTE]],
    ['with a short last part', [5 * MEBIBYTE, 10]],
  ])('is answered again, for its own upload only: %s', async (name, lengths) => {
    const Key = `again/${name}`
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (const [index, length] of lengths.entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body: randomBytes(length) }
      Parts.push({ PartNumber: index + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag })
    }
    const command = (upload: string | undefined, parts = Parts): CompleteMultipartUploadCommand =>
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId: upload, MultipartUpload: { Parts: parts } })
    const first = await client.send(command(UploadId))
    expect((await client.send(command(UploadId))).ETag).toBe(first.ETag)
    await expect(client.send(command('another'))).rejects.toMatchObject({ name: 'NoSuchUpload' })
    const more = [...Parts, { PartNumber: Parts.length + 1, ETag: Parts[0]!.ETag }]
    await expect(client.send(command(UploadId, more))).rejects.toMatchObject({ name: 'NoSuchUpload' })
  })
})
