import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUCKET as Bucket, PLACES, ProxyHarness } from './proxy-harness.ts'

const BODIES = [randomBytes(5 * 1024 * 1024), randomBytes(5 * 1024 * 1024)]
const crc = (data: Buffer): Buffer => {
  const value = Buffer.alloc(4)
  value.writeUInt32BE(crc32(data))
  return value
}
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest()
const CASES = [
  ['CRC32', 'FULL_OBJECT', crc(Buffer.concat(BODIES)).toString('base64')],
  ['CRC32', 'COMPOSITE', `${crc(Buffer.concat(BODIES.map(crc))).toString('base64')}-2`],
  ['SHA256', 'COMPOSITE', `${sha256(Buffer.concat(BODIES.map(sha256))).toString('base64')}-2`],
] as const

const harness = new ProxyHarness()
let clients: ReturnType<ProxyHarness['clients']>

beforeAll(async () => {
  await harness.start()
  clients = harness.clients()
})
afterAll(() => harness.stop())

describe.each(PLACES)('a completion before %s', (name) => {
  it.each(CASES)('announces the %s of the object (%s), which must hold', async (algorithm, type, value) => {
    const client = clients[name]
    const object = { Bucket, Key: `${name}/${algorithm}/${type}` }
    const create = { ...object, ChecksumAlgorithm: algorithm, ChecksumType: type }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(create))
    const Parts: CompletedPart[] = []
    for (const [index, Body] of BODIES.entries()) {
      const part = { ...object, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: algorithm }
      Parts.push({ ...(await client.send(new UploadPartCommand(part))), PartNumber: index + 1 })
    }
    const complete = (announced: string) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...object,
          UploadId,
          MultipartUpload: { Parts },
          [`Checksum${algorithm}`]: announced,
        }),
      )
    const other = `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`
    for (const wrong of [other, 'bad']) {
      await expect(complete(wrong)).rejects.toMatchObject({ name: 'BadDigest' })
    }
    await expect(client.send(new HeadObjectCommand(object))).rejects.toMatchObject({ name: 'NotFound' })
    expect(await complete(value)).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: type })
    const head = await client.send(new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' }))
    expect(head).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: type })
  })
})
