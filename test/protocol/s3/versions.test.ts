import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectCannedACL,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ACCESS_KEYS, ProxyHarness } from './proxy-harness.ts'

const harness = new ProxyHarness()
beforeAll(() => harness.start())
afterAll(() => harness.stop())

describe.each(['at the embedded store itself', 'through the gateway'])('versions %s', (place) => {
  let client: S3Client
  let Bucket: string
  let buckets = 0

  beforeAll(() => {
    client = place.startsWith('through') ? harness.client(ACCESS_KEYS.acme) : harness.direct()
  })
  beforeEach(async () => {
    buckets += 1
    Bucket = `versions-${place.length}-${buckets}`
    await client.send(new CreateBucketCommand({ Bucket }))
  })

  const setVersioning = (Status: 'Enabled' | 'Suspended') =>
    client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
  const put = async (Key: string, Body: string | Buffer) =>
    (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId
  const read = async (Key: string, VersionId?: string): Promise<string> =>
    (await client.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body!.transformToString()
  const remove = (Key: string, VersionId?: string) =>
    client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))

  /** All versions and delete markers, paged: `key version bytes-or-marker latest`. */
  async function listed(MaxKeys = 1_000, Prefix?: string): Promise<string[]> {
    const found: string[] = []
    let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {}
    while (next !== undefined) {
      const page: ListObjectVersionsCommandOutput = await client.send(
        new ListObjectVersionsCommand({ Bucket, MaxKeys, Prefix, ...next }),
      )
      const latest = (is: boolean | undefined): string => (is === true ? ' latest' : '')
      for (const { Key, VersionId, Size, IsLatest } of page.Versions ?? [])
        found.push(`${Key} ${VersionId} ${Size}${latest(IsLatest)}`)
      for (const { Key, VersionId, IsLatest } of page.DeleteMarkers ?? [])
        found.push(`${Key} ${VersionId} marker${latest(IsLatest)}`)
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined
    }
    return found
  }

  it('are kept from when a bucket is told to', async () => {
    const before = await put('kept', 'zero')
    expect(before).toBeUndefined()
    expect((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined()
    await setVersioning('Enabled')
    expect((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled')
    const [one, two] = [await put('kept', 'first'), await put('kept', 'the second')]
    expect(new Set([one, two, 'null', undefined]).size).toBe(4)
    expect(await read('kept')).toBe('the second')
    expect(await read('kept', one)).toBe('first')
    expect(await read('kept', 'null')).toBe('zero')
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'kept', VersionId: one }))
    expect(head).toMatchObject({ VersionId: one, ContentLength: 5 })
    expect(await listed()).toEqual([`kept ${two} 10 latest`, `kept ${one} 5`, 'kept null 4'])
    const plain = await client.send(new ListObjectsV2Command({ Bucket }))
    expect(plain.Contents!.map(({ Key, Size }) => [Key, Size])).toEqual([['kept', 10]])
  })

  it('are hidden by a delete marker and seen again without it', async () => {
    await setVersioning('Enabled')
    const one = await put('hidden', 'one')
    const { DeleteMarker, VersionId: marker } = await remove('hidden')
    expect(DeleteMarker).toBe(true)
    await expect(read('hidden')).rejects.toMatchObject({ name: 'NoSuchKey' })
    await expect(read('hidden', marker)).rejects.toMatchObject({ name: 'MethodNotAllowed' })
    expect(await read('hidden', one)).toBe('one')
    expect((await client.send(new ListObjectsV2Command({ Bucket }))).Contents).toBeUndefined()
    expect(await listed()).toEqual([`hidden ${one} 3`, `hidden ${marker} marker latest`])
    const again = await remove('hidden', marker)
    expect(again).toMatchObject({ DeleteMarker: true, VersionId: marker })
    expect(await read('hidden')).toBe('one')
    expect(await listed()).toEqual([`hidden ${one} 3 latest`])
  })

  it('are removed one by one for good, the newest first', async () => {
    await setVersioning('Enabled')
    const [one, two] = [await put('gone', 'one'), await put('gone', 'two')]
    await remove('gone', two)
    expect(await read('gone')).toBe('one')
    await expect(read('gone', two)).rejects.toMatchObject({ name: 'NoSuchVersion' })
    await expect(client.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({
      name: 'BucketNotEmpty',
    })
    await remove('gone', one)
    expect(await listed()).toEqual([])
    await client.send(new DeleteBucketCommand({ Bucket }))
  })

  it('become null versions while a bucket is suspended, of which there is one', async () => {
    await setVersioning('Enabled')
    const kept = await put('suspended', 'kept')
    await setVersioning('Suspended')
    await put('suspended', 'null one')
    await put('suspended', 'null two!')
    expect(await listed()).toEqual(['suspended null 9 latest', `suspended ${kept} 4`])
    await remove('suspended')
    expect(await listed()).toEqual([`suspended ${kept} 4`, 'suspended null marker latest'])
    await expect(read('suspended', 'null')).rejects.toMatchObject({ name: 'MethodNotAllowed' })
    expect(await read('suspended', kept)).toBe('kept')
  })

  it('are removed many at once, by version or by marker', async () => {
    await setVersioning('Enabled')
    const one = await put('many', 'one')
    const Objects = [{ Key: 'many', VersionId: one }, { Key: 'many' }]
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(Deleted![0]).toMatchObject({ Key: 'many', VersionId: one })
    expect(Deleted![1]).toMatchObject({ Key: 'many', DeleteMarker: true })
    expect(await listed()).toEqual([`many ${Deleted![1]!.DeleteMarkerVersionId} marker latest`])
  })

  it('are sources of copies, carry tags of their own, and come from multipart uploads as well', async () => {
    await setVersioning('Enabled')
    const one = await put('source', 'one')
    await put('source', 'two')
    const CopySource = `${Bucket}/source?versionId=${one}`
    const copied = await client.send(new CopyObjectCommand({ Bucket, Key: 'source', CopySource }))
    expect(copied.CopySourceVersionId).toBe(one)
    expect(await read('source', copied.VersionId)).toBe('one')
    const tags = { TagSet: [{ Key: 'of', Value: 'one' }] }
    await client.send(new PutObjectTaggingCommand({ Bucket, Key: 'source', VersionId: one, Tagging: tags }))
    const tagsOf = async (VersionId?: string) =>
      (await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'source', VersionId }))).TagSet
    expect(await tagsOf(one)).toEqual(tags.TagSet)
    expect(await tagsOf()).toEqual([])
    const upload = { Bucket, Key: 'source' }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(upload))
    const part = { ...upload, UploadId, PartNumber: 1 }
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: randomBytes(100) }))
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
    const done = await client.send(
      new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }),
    )
    expect((await listed())[0]).toBe(`source ${done.VersionId} 100 latest`)
  })

  it.each([1, 2, 3])('are listed in pages of %i, by key and then newest first', async (pageKeys) => {
    await setVersioning('Enabled')
    const written: string[] = []
    for (const key of ['a', 'b/1', 'b/2', 'c']) {
      const ids = [await put(key, '1'), await put(key, '22')]
      written.push(`${key} ${ids[1]} 2 latest`, `${key} ${ids[0]} 1`)
    }
    expect(await listed(pageKeys)).toEqual(written)
    expect(await listed(pageKeys, 'b/')).toEqual(written.slice(2, 6))
    const rolled = await client.send(new ListObjectVersionsCommand({ Bucket, Delimiter: '/' }))
    expect(rolled.CommonPrefixes).toEqual([{ Prefix: 'b/' }])
    expect(rolled.Versions!.map(({ Key }) => Key)).toEqual(['a', 'a', 'c', 'c'])
  })

  it.each<ObjectCannedACL>(['private', 'bucket-owner-full-control'])(
    'take the access list %s, which is what they have',
    async (ACL) => {
      await put('listed', 'x')
      await client.send(new PutObjectAclCommand({ Bucket, Key: 'listed', ACL }))
      const { Grants } = await client.send(new GetObjectAclCommand({ Bucket, Key: 'listed' }))
      expect(Grants!.map(({ Permission }) => Permission)).toEqual(['FULL_CONTROL'])
      await expect(
        client.send(new PutObjectAclCommand({ Bucket, Key: 'listed', ACL: 'public-read' })),
      ).rejects.toMatchObject({ name: 'NotImplemented' })
    },
  )
})
