import { randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { ACCESS_KEYS, BUCKET as Bucket, REGION } from '../protocol/s3/proxy-harness.ts'
import { readObject } from '../support/object-content.ts'
import { formData, signedForm } from '../support/post-form.ts'

const MEBIBYTE = 1024 * 1024

/** The operations that every store must carry for the gateway, as tests of the describe they stand in. */
export function testOperations(clientOf: () => S3Client, urlOf: () => string): void {
  const read = (Key: string, Range?: string): Promise<Buffer> => readObject(clientOf(), Key, Range)

  it.each([0, 1, 65_536, 131_073, 9_000_001])('keeps objects of %i bytes', async (length) => {
    const Body = randomBytes(length)
    const Key = `sizes/${length}`
    await clientOf().send(new PutObjectCommand({ Bucket, Key, Body, Metadata: { a: 'b' } }))
    expect((await read(Key)).equals(Body)).toBe(true)
    const head = await clientOf().send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
    expect(head).toMatchObject({ ContentLength: length, Metadata: { a: 'b' } })
    expect(head.ChecksumCRC32).toBeTruthy()
    const list = await clientOf().send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
    expect(list.Contents![0]!.Size).toBe(length)
  })

  it.each([
    ['equal', [5 * MEBIBYTE, 5 * MEBIBYTE]],
    ['unequal', [6 * MEBIBYTE + 1, 5 * MEBIBYTE, 7]],
  ])('keeps objects of %s parts', async (name, lengths) => {
    const Key = `parts/${name}`
    const bodies = lengths.map((length) => randomBytes(length))
    const whole = Buffer.concat(bodies)
    const { UploadId } = await clientOf().send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const Parts = []
    for (const [index, Body] of bodies.entries()) {
      const { ETag } = await clientOf().send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body }),
      )
      Parts.push({ PartNumber: index + 1, ETag })
    }
    const listed = await clientOf().send(new ListPartsCommand({ Bucket, Key, UploadId }))
    expect(listed.Parts!.map(({ Size }) => Size)).toEqual(lengths)
    await clientOf().send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    expect((await read(Key)).equals(whole)).toBe(true)
    const [from, to] = [5 * MEBIBYTE - 10, 5 * MEBIBYTE + 100_000]
    expect((await read(Key, `bytes=${from}-${to}`)).equals(whole.subarray(from, to + 1))).toBe(true)
    expect((await clientOf().send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(whole.length)
    await clientOf().send(
      new CopyObjectCommand({ Bucket, Key: `${Key}-copy`, CopySource: `${Bucket}/${Key}` }),
    )
    expect((await read(`${Key}-copy`)).equals(whole)).toBe(true)
  })

  it.each([1000, 8 * MEBIBYTE, 9 * MEBIBYTE + 7, 20 * MEBIBYTE])(
    'keeps files of %i bytes that browsers post in forms',
    async (length) => {
      const file = randomBytes(length)
      const key = `forms/${length}`
      const entries = [
        ['key', key],
        ['Content-Type', 'text/x-posted'],
      ] as const
      const conditions = entries.map(([name, value]) => ({ [name]: value }))
      const fields = signedForm({ credential: ACCESS_KEYS.acme, region: REGION, conditions })
      const body = formData([...entries, ...fields], file)
      const answer = await fetch(`${urlOf()}/${Bucket}`, { method: 'POST', body })
      expect(answer.status, await answer.text()).toBe(204)
      expect((await read(key)).equals(file)).toBe(true)
      const head = await clientOf().send(new HeadObjectCommand({ Bucket, Key: key }))
      expect(head).toMatchObject({ ContentLength: length, ContentType: 'text/x-posted' })
      expect(head.ETag).toBe(answer.headers.get('etag'))
    },
  )

  it('honours conditions and deletes', async () => {
    const put = (options: object): Promise<unknown> =>
      clientOf().send(
        new PutObjectCommand({ Bucket, Key: 'condition', Body: randomBytes(300_000), ...options }),
      )
    await put({ IfNoneMatch: '*' })
    await expect(put({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await clientOf().send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'condition' }] } }))
    await expect(read('condition')).rejects.toMatchObject({ name: 'NoSuchKey' })
  })
}
