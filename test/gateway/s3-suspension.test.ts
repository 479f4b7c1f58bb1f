import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCESS_KEYS, BUCKET as Bucket, S3World } from '../support/s3-world.ts'

const MEBIBYTE = 1024 * 1024
const LARGE = randomBytes(32 * MEBIBYTE)

let world: S3World
let acme: S3Client
let umbrella: S3Client

beforeAll(async () => {
  world = await S3World.start()
  await world.gateway()
  acme = world.client(ACCESS_KEYS.acme)
  umbrella = world.client(ACCESS_KEYS.umbrella)
  await acme.send(new PutObjectCommand({ Bucket, Key: 'large', Body: LARGE }))
  await acme.send(new PutObjectCommand({ Bucket, Key: 'small', Body: 'small' }))
  await umbrella.send(new PutObjectCommand({ Bucket, Key: 'other', Body: 'of another organization' }))
})
afterAll(() => world.stop())

async function statusOf(key: string, method = 'GET'): Promise<number> {
  return (await world.send({ method, path: `/${Bucket}/${key}` })).status
}

/** A body that is given out a piece at a time for as long as anybody reads it. */
function slowBody(bytes: number): Readable {
  let left = bytes
  return new Readable({
    highWaterMark: 64 * 1024,
    read() {
      setTimeout(() => {
        const piece = Math.min(left, 64 * 1024)
        left -= piece
        this.push(piece === 0 ? null : Buffer.alloc(piece, 5))
      }, 20)
    },
  })
}

describe('a suspension', () => {
  let started: {
    upload: Promise<unknown>
    part: Promise<unknown>
    download: Promise<number>
    UploadId: string
  }

  beforeAll(async () => {
    const { UploadId } = await acme.send(new CreateMultipartUploadCommand({ Bucket, Key: 'cut-part' }))
    const got = await acme.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    const slow = async (): Promise<number> => {
      let bytes = 0
      for await (const chunk of got.Body as AsyncIterable<Buffer>) {
        expect(chunk.equals(LARGE.subarray(bytes, bytes + chunk.length))).toBe(true)
        bytes += chunk.length
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return bytes
    }
    const sized = { ContentLength: 64 * MEBIBYTE, Body: slowBody(64 * MEBIBYTE) }
    const part = { Bucket, Key: 'cut-part', UploadId, PartNumber: 1 }
    started = {
      upload: settled(acme.send(new PutObjectCommand({ Bucket, Key: 'cut', ...sized }))),
      part: settled(acme.send(new UploadPartCommand({ ...part, ...sized, Body: slowBody(64 * MEBIBYTE) }))),
      download: slow(),
      UploadId: UploadId!,
    }
    started.download.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 300))
    await world.world.acme.disableKey()
    while ((await statusOf('small')) !== 423) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it('is told as S3 XML with its headers on every operation', async () => {
    const operations: [string, string, string][] = [
      ['GET', `/${Bucket}/small`, ''],
      ['PUT', `/${Bucket}/new`, ''],
      ['DELETE', `/${Bucket}/small`, ''],
      ['GET', `/${Bucket}`, 'list-type=2'],
      ['GET', '/', ''],
      ['POST', `/${Bucket}/new`, 'uploads='],
      ['GET', `/${Bucket}/small`, 'tagging='],
      ['GET', `/${Bucket}/absent`, ''],
    ]
    for (const [method, path, query] of operations) {
      const answer = await world.send({ method, path, query })
      expect(answer, `${method} ${path}?${query}`).toMatchObject({
        status: 423,
        code: 'TenantSuspended',
        headers: {
          'content-type': 'application/xml',
          'cache-control': 'no-store',
          'suspension-reason': 'key-disabled',
          'suspension-scope': 'organization',
        },
      })
      expect(answer.headers['suspension-since']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(answer.headers['suspension-id']).toBeTruthy()
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(answer.text).toContain('<Reason>key-disabled</Reason>')
    }
    expect(await statusOf('small', 'HEAD')).toBe(423)
  })

  it('comes after the signature: a stranger does not learn of it', async () => {
    const credential = { ...ACCESS_KEYS.acme, secretAccessKey: 'a secret that is not the right one' }
    const answer = await world.send({ method: 'GET', path: `/${Bucket}/small`, credential })
    expect(answer).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' })
  })

  it('does not touch another organization on the same bucket', async () => {
    const got = await umbrella.send(new GetObjectCommand({ Bucket, Key: 'other' }))
    expect(await got.Body!.transformToString()).toBe('of another organization')
  })

  it('cuts what was running', async () => {
    await expect(started.download).rejects.toThrow()
    expect(await started.upload).toBeInstanceOf(Error)
    expect(await started.part).toBeInstanceOf(Error)
  })

  it('leaves nothing of uploads that it cut', async () => {
    const direct = world.direct()
    const listed = await direct.send(new ListObjectsV2Command({ Bucket }))
    const keys = listed.Contents!.map(({ Key }) => Key)
    for (const key of ['cut', 'cut-part', 'new']) expect(keys).not.toContain(key)
    const parts = { Bucket, Key: 'cut-part', UploadId: started.UploadId }
    expect((await direct.send(new ListPartsCommand(parts))).Parts ?? []).toEqual([])
  })

  it('ends by itself, with everything as it was', async () => {
    await world.world.acme.enableKey()
    await expect.poll(() => statusOf('small'), { timeout: 25_000, interval: 50 }).toBe(200)
    const got = await acme.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    expect(LARGE.equals(await got.Body!.transformToByteArray())).toBe(true)
    await expect(acme.send(new HeadObjectCommand({ Bucket, Key: 'cut' }))).rejects.toMatchObject({
      name: 'NotFound',
    })
    await acme.send(new DeleteObjectCommand({ Bucket, Key: 'small' }))
  })
})

function settled(running: Promise<unknown>): Promise<unknown> {
  return running.catch((thrown: unknown) => thrown)
}
