import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../src/protocol/s3/operations.ts'
import { s3Scene } from '../support/s3-scene.ts'
import { ACCESS_KEYS, BUCKET as Bucket, type RawS3Answer, VIRTUAL_HOST_DOMAIN } from '../support/s3-world.ts'

const MEBIBYTE = 1024 * 1024
const LARGE = randomBytes(32 * MEBIBYTE)
const FIRST_PART = randomBytes(5 * MEBIBYTE)

const s3 = s3Scene()

beforeAll(async () => {
  await s3.acme.send(new PutObjectCommand({ Bucket, Key: 'large', Body: LARGE }))
  await s3.acme.send(new PutObjectCommand({ Bucket, Key: 'small', Body: 'small' }))
  await s3.umbrella.send(new PutObjectCommand({ Bucket, Key: 'other', Body: 'of another organization' }))
})

async function statusOf(key: string, method = 'GET'): Promise<number> {
  return (await s3.world.send({ method, path: `/${Bucket}/${key}` })).status
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

const FORMS = [
  'path style, signed header',
  'path style, presigned',
  'virtual host, signed header',
  'virtual host, presigned',
] as const

/** Sends every operation of the table once; answers by method and name. */
async function everyOperation(form: (typeof FORMS)[number]): Promise<Map<string, RawS3Answer>> {
  const answers = new Map<string, RawS3Answer>()
  for (const [method, level, selector, name] of OPERATIONS) {
    const virtual = form.startsWith('virtual') && level !== 'service'
    const host = virtual ? `${Bucket}.${VIRTUAL_HOST_DOMAIN}` : VIRTUAL_HOST_DOMAIN
    const path = `${virtual || level === 'service' ? '' : `/${Bucket}`}/${level === 'object' ? 'table' : ''}`
    const selectors = selector.split(' ').filter((each) => each !== '')
    const headers = selectors.includes('x-amz-copy-source')
      ? { 'x-amz-copy-source': `${Bucket}/source` }
      : ({} as Record<string, string>)
    const query = Object.fromEntries(
      selectors.filter((each) => each !== 'x-amz-copy-source').map((each) => [each, VALUES[each] ?? '']),
    )
    if (name === 'UploadPart' || name === 'UploadPartCopy') query['partNumber'] = '1'
    const text = new URLSearchParams(query).toString()
    const answer = form.endsWith('presigned')
      ? await s3.world.sendPresigned({ method, path, query, headers, host })
      : await s3.world.send({ method, path, query: text, headers: Object.entries(headers).flat(), host })
    answers.set(`${method} ${name}`, answer)
  }
  return answers
}

// Values of selectors that need one.
const VALUES: Readonly<Record<string, string>> = { 'list-type': '2', uploadId: 'none' }

const statuses = (answers: ReadonlyMap<string, RawS3Answer>): [string, number][] =>
  [...answers].map(([name, { status }]) => [name, status])

describe('a suspension', () => {
  const before = new Map<string, [string, number][]>()
  let started: {
    upload: Promise<unknown>
    part: Promise<unknown>
    download: Promise<number>
    UploadId: string
    firstEtag: string
  }

  beforeAll(async () => {
    await s3.acme.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'source of copies' }))
    // Twice, since the first of all finds what the others leave behind.
    for (const form of [FORMS[0], ...FORMS]) before.set(form, statuses(await everyOperation(form)))
    const { UploadId } = await s3.acme.send(new CreateMultipartUploadCommand({ Bucket, Key: 'cut-part' }))
    const got = await s3.acme.send(new GetObjectCommand({ Bucket, Key: 'large' }))
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
    const part = { Bucket, Key: 'cut-part', UploadId, PartNumber: 2 }
    const first = await s3.acme.send(new UploadPartCommand({ ...part, PartNumber: 1, Body: FIRST_PART }))
    started = {
      upload: settled(s3.acme.send(new PutObjectCommand({ Bucket, Key: 'cut', ...sized }))),
      part: settled(
        s3.acme.send(new UploadPartCommand({ ...part, ...sized, Body: slowBody(64 * MEBIBYTE) })),
      ),
      download: slow(),
      UploadId: UploadId!,
      firstEtag: first.ETag!,
    }
    started.download.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 300))
    await s3.world.world.acme.disableKey()
    while ((await statusOf('small')) !== 423) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it.each(FORMS)('is told as S3 XML with its headers on every operation: %s', async (form) => {
    for (const [name, answer] of await everyOperation(form)) {
      expect(answer, name).toMatchObject({
        status: 423,
        headers: {
          'content-type': 'application/xml',
          'cache-control': 'no-store',
          'suspension-reason': 'key-disabled',
          'suspension-scope': 'organization',
          'suspension-since': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
          'suspension-id': expect.stringMatching(/./) as string,
          'retry-after': expect.stringMatching(/^[1-9]\d*$/) as string,
        },
      })
      if (name.startsWith('HEAD ')) continue
      expect(answer.code, name).toBe('TenantSuspended')
      expect(answer.text, name).toContain('<Reason>key-disabled</Reason>')
    }
  })

  it('comes after the signature: a stranger does not learn of it', async () => {
    const credential = { ...ACCESS_KEYS.acme, secretAccessKey: 'a secret that is not the right one' }
    const answer = await s3.world.send({ method: 'GET', path: `/${Bucket}/small`, credential })
    expect(answer).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' })
  })

  it('does not touch another organization on the same bucket', async () => {
    const got = await s3.umbrella.send(new GetObjectCommand({ Bucket, Key: 'other' }))
    expect(await got.Body!.transformToString()).toBe('of another organization')
  })

  it('cuts what was running', async () => {
    await expect(started.download).rejects.toThrow()
    expect(await started.upload).toBeInstanceOf(Error)
    expect(await started.part).toBeInstanceOf(Error)
  })

  it('leaves nothing of what it cut', async () => {
    const listed = await s3.direct.send(new ListObjectsV2Command({ Bucket }))
    const keys = listed.Contents!.map(({ Key }) => Key)
    for (const key of ['cut', 'cut-part', 'new']) expect(keys).not.toContain(key)
    const parts = { Bucket, Key: 'cut-part', UploadId: started.UploadId }
    const kept = (await s3.direct.send(new ListPartsCommand(parts))).Parts!
    expect(kept.map(({ PartNumber }) => PartNumber)).toEqual([1])
  })

  it('ends by itself, with everything as it was', async () => {
    await s3.world.world.acme.enableKey()
    await expect.poll(() => statusOf('small'), { timeout: 25_000, interval: 50 }).toBe(200)
    const got = await s3.acme.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    expect(LARGE.equals(await got.Body!.transformToByteArray())).toBe(true)
    await expect(s3.acme.send(new HeadObjectCommand({ Bucket, Key: 'cut' }))).rejects.toMatchObject({
      name: 'NotFound',
    })
    await s3.acme.send(new DeleteObjectCommand({ Bucket, Key: 'small' }))
  })

  it('lets an upload that it cut go on where it was', async () => {
    const upload = { Bucket, Key: 'cut-part', UploadId: started.UploadId }
    const Body = Buffer.alloc(1_000_000, 5)
    const { ETag } = await s3.acme.send(new UploadPartCommand({ ...upload, PartNumber: 2, Body }))
    const Parts = [started.firstEtag, ETag].map((etag, index) => ({ PartNumber: index + 1, ETag: etag }))
    await s3.acme.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
    const got = await s3.acme.send(new GetObjectCommand({ Bucket, Key: 'cut-part' }))
    expect(Buffer.concat([FIRST_PART, Body]).equals(await got.Body!.transformToByteArray())).toBe(true)
  })

  it.each(FORMS)('leaves every operation answered as before: %s', async (form) => {
    const after = statuses(await everyOperation(form))
    expect(after).toEqual(before.get(form))
    expect(new Set(after.map(([, status]) => status))).toContain(200)
  })
})

function settled(running: Promise<unknown>): Promise<unknown> {
  return running.catch((thrown: unknown) => thrown)
}
