import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  type ObjectIdentifier,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUCKET as Bucket, PLACES, ProxyHarness } from './proxy-harness.ts'

const FAILED = { name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } }
const EARLIER = new Date('2015-01-01T00:00:00Z')
const harness = new ProxyHarness()
let clients: ReturnType<ProxyHarness['clients']>

beforeAll(async () => {
  await harness.start()
  clients = harness.clients()
})
afterAll(() => harness.stop())

describe.each(PLACES)('before %s', (name) => {
  const Key = `${name}/object`

  async function put(): Promise<{ ETag: string; LastModified: Date }> {
    const { ETag } = await clients[name].send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))
    const { LastModified } = await clients[name].send(new HeadObjectCommand({ Bucket, Key }))
    return { ETag: ETag!, LastModified: LastModified! }
  }

  const exists = async (): Promise<boolean> =>
    clients[name].send(new HeadObjectCommand({ Bucket, Key })).then(
      () => true,
      () => false,
    )

  const deleteOne = (conditions: object) =>
    clients[name].send(new DeleteObjectCommand({ Bucket, Key, ...conditions }))

  const deleteMany = (conditions: Partial<ObjectIdentifier>) =>
    clients[name].send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key, ...conditions }] } }))

  it('an object is deleted under its own entity tag or time, and no other', async () => {
    const { ETag, LastModified } = await put()
    await expect(deleteOne({ IfMatch: '"0123456789abcdef0123456789abcdef"' })).rejects.toMatchObject(FAILED)
    await expect(deleteOne({ IfMatchLastModifiedTime: EARLIER })).rejects.toMatchObject(FAILED)
    expect(await exists()).toBe(true)
    await deleteOne({ IfMatch: ETag, IfMatchLastModifiedTime: LastModified })
    expect(await exists()).toBe(false)
    await deleteOne({ IfMatch: ETag })
  })

  it('so are many in one request', async () => {
    const { ETag, LastModified } = await put()
    const refused = [{ Key, Code: 'PreconditionFailed' }]
    for (const other of [{ ETag: '0123456789abcdef0123456789abcdef' }, { LastModifiedTime: EARLIER }]) {
      const answer = await deleteMany(other)
      expect(answer.Errors).toMatchObject(refused)
      expect(answer.Deleted ?? []).toEqual([])
      expect(await exists()).toBe(true)
    }
    const answer = await deleteMany({ ETag, LastModifiedTime: LastModified })
    expect(answer).toMatchObject({ Deleted: [{ Key }] })
    expect(answer.Errors ?? []).toEqual([])
    expect(await exists()).toBe(false)
  })

  it('the condition of a size is for the store alone, whose objects are longer behind the gateway', async () => {
    await put()
    if (name === 'the gateway') {
      const unknown = { name: 'NotImplemented' }
      await expect(deleteOne({ IfMatchSize: 1 })).rejects.toMatchObject(unknown)
      await expect(deleteMany({ Size: 1 })).rejects.toMatchObject(unknown)
      expect(await exists()).toBe(true)
      return
    }
    await expect(deleteOne({ IfMatchSize: 2 })).rejects.toMatchObject(FAILED)
    expect((await deleteMany({ Size: 2 })).Errors).toMatchObject([{ Code: 'PreconditionFailed' }])
    expect(await exists()).toBe(true)
    expect((await deleteMany({ Size: 1 })).Deleted).toMatchObject([{ Key }])
  })
})
