import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedStore, startEmbeddedStore } from '../../support/embedded-store.ts'
import { presign } from '../../support/presign.ts'
import { RawConnection } from '../../support/raw-http.ts'

const Bucket = 'attachments'
let store: EmbeddedStore

beforeAll(async () => {
  store = await startEmbeddedStore()
})
afterAll(() => store.stop())

it.each(['192.168.5.123', 'under_score', 'Upper', 'two..dots', 'ab', '-start', 'end-', 'x'.repeat(64)])(
  'a bucket is not created by the name %s, as Amazon S3 has none',
  async (name) => {
    const { host } = new URL(store.endpoint)
    const target = await presign({ method: 'PUT', path: `/${name}`, host }, store.credentials, store.region)
    const answer = await fetch(store.endpoint + target, { method: 'PUT' })
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('InvalidBucketName')])
  },
)

it('a bucket is created again in the oldest region only, and keeps its objects', async () => {
  const again = new CreateBucketCommand({ Bucket })
  await expect(store.client.send(again)).rejects.toMatchObject({ name: 'BucketAlreadyOwnedByYou' })
  const oldest = await startEmbeddedStore('us-east-1')
  try {
    await oldest.client.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'x' }))
    await oldest.client.send(again)
    expect((await oldest.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1)
  } finally {
    await oldest.stop()
  }
})

it('a content coding is kept as it was written, but for the one of the upload', async () => {
  const kept = async (ContentEncoding: string): Promise<string | undefined> => {
    await store.client.send(new PutObjectCommand({ Bucket, Key: 'coded', Body: '', ContentEncoding }))
    return (await store.client.send(new HeadObjectCommand({ Bucket, Key: 'coded' }))).ContentEncoding
  }
  expect(await kept('deflate, gzip')).toBe('deflate, gzip')
  expect(await kept('gzip, aws-chunked')).toBe('gzip')
  expect(await kept('aws-chunked')).toBeUndefined()
})

it('an expectation that is not known is ignored', async () => {
  const { host } = new URL(store.endpoint)
  const request = { method: 'PUT', path: `/${Bucket}/expected`, host }
  const target = await presign(request, store.credentials, store.region)
  const connection = new RawConnection(store.endpoint)
  connection.send(`PUT ${target} HTTP/1.1\r\nHost: ${host}\r\nExpect: 200\r\nContent-Length: 1\r\n\r\nx`)
  expect(await connection.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  connection.socket.destroy()
})
