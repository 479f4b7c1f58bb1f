import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { CopyObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, it } from 'vitest'
import { readObject, uploadParts } from '../support/object-content.ts'
import { s3Scene } from '../support/s3-scene.ts'
import { BUCKET as Bucket } from '../support/s3-world.ts'

const MEBIBYTE = 1024 * 1024
const HEADER_BYTES = 120
const FRAME_BYTES = 65_536 + 16
/** What sealing adds to a part (docs/SPEC.md section 6.5). */
const PART_OVERHEAD_BYTES = 32_952

const s3 = s3Scene()

/** All bytes that a read lets out, and whether it ended as complete. */
async function released(Key: string, Range?: string): Promise<{ bytes: Buffer; complete: boolean }> {
  const pieces: Buffer[] = []
  try {
    const got = await s3.acme.send(new GetObjectCommand({ Bucket, Key, Range }))
    for await (const piece of got.Body as Readable) pieces.push(piece as Buffer)
    return { bytes: Buffer.concat(pieces), complete: true }
  } catch (thrown) {
    if (pieces.length === 0 && thrown instanceof Error && '$metadata' in thrown) {
      // What the store made shorter has no such range.
      expect(['CiphertextInvalid', 'InvalidRange']).toContain(thrown.name)
      expect(Range !== undefined || thrown.name === 'CiphertextInvalid').toBe(true)
    }
    return { bytes: Buffer.concat(pieces), complete: false }
  }
}

/** Of what was tampered with, nothing is read whole, and no byte that was not written. */
async function expectFoundOut(Key: string, written: Buffer): Promise<void> {
  const whole = await released(Key)
  expect(whole.complete).toBe(false)
  expect(whole.bytes.equals(written.subarray(0, whole.bytes.length))).toBe(true)
  // A range may lie in what is still as it was written.
  for (const start of [0, 70_000, written.length - 1_000]) {
    const range = await released(Key, `bytes=${start}-${start + 999}`)
    const sound = written.subarray(start, start + (range.complete ? 1_000 : range.bytes.length))
    expect(range.bytes.equals(sound), `range from ${start}`).toBe(true)
  }
}

describe('an object put whole that the store', () => {
  const Key = 'whole'
  const written = randomBytes(300_000)
  let sound: Buffer
  let sibling: Buffer
  let earlier: Buffer
  let foreign: Buffer

  const frame = (stored: Buffer, index: number): Buffer =>
    stored.subarray(HEADER_BYTES + index * FRAME_BYTES, HEADER_BYTES + (index + 1) * FRAME_BYTES)
  const withFrame = (stored: Buffer, index: number, other: Buffer): Buffer => {
    const changed = Buffer.from(stored)
    other.copy(changed, HEADER_BYTES + index * FRAME_BYTES)
    return changed
  }

  beforeAll(async () => {
    await s3.acme.send(new PutObjectCommand({ Bucket, Key, Body: randomBytes(300_000) }))
    earlier = await readObject(s3.direct, Key)
    await s3.acme.send(new PutObjectCommand({ Bucket, Key, Body: written }))
    sound = await readObject(s3.direct, Key)
    await s3.acme.send(new PutObjectCommand({ Bucket, Key: 'sibling', Body: randomBytes(300_000) }))
    sibling = await readObject(s3.direct, 'sibling')
    await s3.umbrella.send(new PutObjectCommand({ Bucket, Key, Body: randomBytes(300_000) }))
    foreign = await readObject(s3.direct, Key)
  })

  it.each<[string, () => Buffer]>([
    ['cuts by a byte', () => sound.subarray(0, -1)],
    ['cuts inside a frame', () => sound.subarray(0, 200_000)],
    ['cuts behind a frame', () => sound.subarray(0, HEADER_BYTES + 2 * FRAME_BYTES)],
    ['cuts to its header', () => sound.subarray(0, HEADER_BYTES)],
    ['cuts to nothing', () => Buffer.alloc(0)],
    ['makes longer', () => Buffer.concat([sound, Buffer.alloc(16)])],
    [
      'gives another order of frames',
      () => withFrame(withFrame(sound, 1, frame(sound, 2)), 2, frame(sound, 1)),
    ],
    ['repeats a frame of', () => withFrame(sound, 2, frame(sound, 1))],
    ['gives a frame of an earlier content', () => withFrame(sound, 1, frame(earlier, 1))],
    ['gives a frame of another object', () => withFrame(sound, 3, frame(sibling, 3))],
    [
      'gives the header of another object',
      () => Buffer.concat([sibling.subarray(0, HEADER_BYTES), sound.subarray(HEADER_BYTES)]),
    ],
    [
      'gives the end of an earlier content',
      () => Buffer.concat([sound.subarray(0, -64), earlier.subarray(-64)]),
    ],
    ['replaces by another object', () => sibling],
    ['replaces by one of another organization', () => foreign],
    ['replaces by plaintext', () => written],
  ])('%s', async (_name, tampered) => {
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: tampered() }))
    await expectFoundOut(Key, written)
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: sound }))
    expect((await released(Key)).bytes.equals(written)).toBe(true)
  })

  it('swaps with another object of the same tenant: neither is read', async () => {
    const other = 'sibling'
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: sibling }))
    await s3.direct.send(new PutObjectCommand({ Bucket, Key: other, Body: sound }))
    for (const key of [Key, other]) expect((await released(key)).bytes).toHaveLength(0)
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: sound }))
    await s3.direct.send(new PutObjectCommand({ Bucket, Key: other, Body: sibling }))
  })

  it('gives other metadata: those are not sealed, the content is read as it was', async () => {
    const copy = { Bucket, Key, CopySource: `${Bucket}/${Key}`, MetadataDirective: 'REPLACE' } as const
    await s3.direct.send(
      new CopyObjectCommand({ ...copy, Metadata: { portcullis: 'none' }, ContentType: 'text/html' }),
    )
    expect(await released(Key)).toEqual({ bytes: written, complete: true })
  })
})

describe.each([
  ['alike', [5 * MEBIBYTE, 5 * MEBIBYTE, 5 * MEBIBYTE]],
  ['not alike', [5 * MEBIBYTE, 5 * MEBIBYTE + 70_000, 5 * MEBIBYTE]],
])('an object of parts that are %s, that the store', (name, lengths) => {
  const Key = `parts-${name}`
  const bodies = lengths.map((length) => randomBytes(length))
  const written = Buffer.concat(bodies)
  /** Three parts and the end record, as they are stored. */
  let sound: Buffer[]
  let sibling: Buffer[]
  let earlier: Buffer[]
  let foreign: Buffer[]

  async function stored(key: string): Promise<Buffer[]> {
    const whole = await readObject(s3.direct, key)
    const ends = [0]
    for (const length of lengths) ends.push(ends.at(-1)! + length + PART_OVERHEAD_BYTES)
    return [
      ...lengths.map((_, index) => whole.subarray(ends[index], ends[index + 1])),
      whole.subarray(ends.at(-1)),
    ]
  }

  beforeAll(async () => {
    const others = (): Buffer[] => lengths.map((length) => randomBytes(length))
    await uploadParts(s3.acme, Key, others())
    earlier = await stored(Key)
    await uploadParts(s3.umbrella, Key, others())
    foreign = await stored(Key)
    await uploadParts(s3.acme, `${Key}-sibling`, others())
    sibling = await stored(`${Key}-sibling`)
    await uploadParts(s3.acme, Key, bodies)
    sound = await stored(Key)
    expect(sound[3]!.length).toBe(PART_OVERHEAD_BYTES)
  }, 120_000)

  it.each<[string, () => Buffer[]]>([
    ['gives another order', () => [sound[1]!, sound[0]!, sound[2]!, sound[3]!]],
    ['takes a part from', () => [sound[0]!, sound[2]!, sound[3]!]],
    ['takes the last part from', () => [sound[0]!, sound[1]!, sound[3]!]],
    ['takes the end from', () => [sound[0]!, sound[1]!, sound[2]!]],
    ['takes the last part and the end from', () => [sound[0]!, sound[1]!]],
    ['takes all but the first part from', () => [sound[0]!]],
    ['repeats a part of', () => [sound[0]!, sound[0]!, sound[2]!, sound[3]!]],
    ['gives a part of another object', () => [sound[0]!, sibling[1]!, sound[2]!, sound[3]!]],
    ['gives the last part of another object', () => [sound[0]!, sound[1]!, sibling[2]!, sound[3]!]],
    ['gives a part of an earlier content', () => [sound[0]!, earlier[1]!, sound[2]!, sound[3]!]],
    ['gives the end of an earlier content', () => [sound[0]!, sound[1]!, sound[2]!, earlier[3]!]],
    ['gives a part of another organization', () => [sound[0]!, foreign[1]!, sound[2]!, sound[3]!]],
    ['replaces by another object', () => sibling],
    ['replaces by one of another organization', () => foreign],
    ['joins two parts of', () => [Buffer.concat([sound[0]!, sound[1]!]), sound[2]!, sound[3]!]],
  ])('%s', async (_name, tampered) => {
    await uploadParts(s3.direct, Key, tampered())
    await expectFoundOut(Key, written)
  })

  it('swaps frames within a part of', async () => {
    const part = Buffer.from(sound[1]!)
    const at = (index: number): number => HEADER_BYTES + index * (16 + FRAME_BYTES)
    part.copyWithin(at(3), at(7), at(8))
    await uploadParts(s3.direct, Key, [sound[0]!, part, sound[2]!, sound[3]!])
    await expectFoundOut(Key, written)
  })

  it('puts whole instead of in parts', async () => {
    await s3.direct.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.concat(sound) }))
    await expectFoundOut(Key, written)
  })

  it('has given back as it was', async () => {
    await uploadParts(s3.direct, Key, sound)
    expect((await released(Key)).bytes.equals(written)).toBe(true)
  })
})
