import { keyId, pattern, sha256 } from './reference.ts'
import { headerFailure, sealStreamReference } from './reference-stream.ts'
import { CONTEXT, TENANT_KEY } from './make-field.ts'

/** One stored stream: everything that decides its bytes. */
export interface StreamSpec {
  readonly name: string
  readonly plaintextBytes: number
  readonly salt: string
  readonly objectId: string
  readonly objectName?: string
  readonly trailer?: string
  readonly tenantKey?: string
  readonly site?: string
}
export interface SoundStream extends StreamSpec {
  readonly sealedBytes: number
  readonly sealedSha256: string
  /** Whole stream where it is short, else its header. */
  readonly sealedStart: string
}
/** Pieces [from, to) of the stored streams of this file, one after the other, then single changes. */
export interface BrokenObject {
  readonly name: string
  readonly failure: string
  readonly pieces: ReadonlyArray<readonly [stream: string, from: number, to: number]>
  readonly flip?: readonly [at: number, bit: number]
  readonly append?: string
}

export const OBJECT_ID = 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf'
export const OBJECT_NAME = 'attachments/10001'
const FRAME = 65_552
const HEADER = 120

function salt(seed: number): string {
  return Buffer.alloc(32, seed).toString('hex')
}

const SPECS: readonly StreamSpec[] = [
  { name: 'empty', plaintextBytes: 0, salt: salt(1), objectId: OBJECT_ID },
  { name: 'one byte', plaintextBytes: 1, salt: salt(2), objectId: OBJECT_ID },
  { name: 'short', plaintextBytes: 20, salt: salt(3), objectId: OBJECT_ID },
  { name: 'short with trailer', plaintextBytes: 20, salt: salt(4), objectId: OBJECT_ID, trailer: '0badc0de' },
  { name: 'empty with trailer', plaintextBytes: 0, salt: salt(5), objectId: OBJECT_ID, trailer: '0badc0de' },
  { name: 'a frame less one', plaintextBytes: 65_535, salt: salt(6), objectId: OBJECT_ID },
  { name: 'a frame', plaintextBytes: 65_536, salt: salt(7), objectId: OBJECT_ID },
  { name: 'a frame and one', plaintextBytes: 65_537, salt: salt(8), objectId: OBJECT_ID },
  { name: 'three frames', plaintextBytes: 196_608, salt: salt(9), objectId: OBJECT_ID },
  { name: 'three frames again', plaintextBytes: 196_608, salt: salt(10), objectId: OBJECT_ID },
  {
    name: 'another object',
    plaintextBytes: 20,
    salt: salt(15),
    objectId: OBJECT_ID,
    objectName: 'attachments/10002',
  },
  { name: 'another site', plaintextBytes: 20, salt: salt(16), objectId: OBJECT_ID, site: 'other' },
  {
    name: 'another tenant',
    plaintextBytes: 20,
    salt: salt(17),
    objectId: OBJECT_ID,
    tenantKey: 'f0'.repeat(32),
  },
]

export function storedStream(spec: StreamSpec): Buffer {
  const tenantKey = Buffer.from(spec.tenantKey ?? TENANT_KEY, 'hex')
  return sealStreamReference(
    {
      tenantKey,
      context: { ...CONTEXT, dataClass: 'attachment', site: spec.site ?? CONTEXT.site },
      objectName: spec.objectName ?? OBJECT_NAME,
      objectId: Buffer.from(spec.objectId, 'hex'),
      salt: Buffer.from(spec.salt, 'hex'),
      ...(spec.trailer === undefined ? {} : { trailer: Buffer.from(spec.trailer, 'hex') }),
    },
    pattern(spec.plaintextBytes),
  )
}

/** Stream vectors as docs/SPEC.md defines them, made by the reference alone. */
export function makeStreamVectors(): { keyId: string; sound: SoundStream[]; broken: BrokenObject[] } {
  const stored = new Map(SPECS.map((spec) => [spec.name, storedStream(spec)]))
  const sound = SPECS.map((spec): SoundStream => {
    const bytes = stored.get(spec.name)!
    const start = bytes.subarray(0, bytes.length > 512 ? HEADER : bytes.length)
    return {
      ...spec,
      sealedBytes: bytes.length,
      sealedSha256: sha256(bytes),
      sealedStart: start.toString('hex'),
    }
  })
  const broken = [
    ...['short', 'short with trailer', 'empty'].flatMap((name) => flipped(name, stored.get(name)!)),
    ...['short', 'short with trailer', 'empty'].flatMap((name) => cut(name, stored.get(name)!)),
    ...frames(),
    ...headers(),
  ]
  return { keyId: keyId(Buffer.from(TENANT_KEY, 'hex')).toString('hex'), sound, broken }
}

function flipped(name: string, bytes: Buffer): BrokenObject[] {
  return [...bytes.keys()].map((at) => {
    const bit = at % 8
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << bit
    const failure = at < HEADER ? headerFailure(changed, at, false) : 'not-authentic'
    return {
      name: `${name}: bit ${bit} of byte ${at} flipped`,
      failure,
      pieces: [[name, 0, bytes.length]],
      flip: [at, bit],
    }
  })
}

function cut(name: string, bytes: Buffer): BrokenObject[] {
  return Array.from({ length: bytes.length }, (_, length) => ({
    name: `${name}: cut to ${length} bytes`,
    failure: 'truncated',
    pieces: [[name, 0, length]] as const,
  }))
}

function frames(): BrokenObject[] {
  const three = 'three frames'
  const end = HEADER + 3 * FRAME
  const at = (i: number): number => HEADER + i * FRAME
  const frame = (i: number, from = three): readonly [string, number, number] => [from, at(i), at(i + 1)]
  const head: readonly [string, number, number] = [three, 0, HEADER]
  const broken = (name: string, failure: string, pieces: BrokenObject['pieces']): BrokenObject => ({
    name: `${three}: ${name}`,
    failure,
    pieces,
  })
  return [
    broken('first two frames swapped', 'not-authentic', [head, frame(1), frame(0), frame(2)]),
    broken('last two frames swapped', 'not-authentic', [head, frame(0), frame(2), frame(1)]),
    broken('a frame twice', 'not-authentic', [head, frame(0), frame(0), frame(1), frame(2)]),
    broken('first frame dropped', 'not-authentic', [head, frame(1), frame(2)]),
    broken('middle frame dropped', 'not-authentic', [head, frame(0), frame(2)]),
    broken('last frame dropped', 'truncated', [head, frame(0), frame(1)]),
    broken('last frame twice', 'extended', [head, frame(0), frame(1), frame(2), frame(2)]),
    broken('a frame of another stream', 'not-authentic', [
      head,
      frame(0),
      frame(1, 'three frames again'),
      frame(2),
    ]),
    broken('the header of another stream', 'not-authentic', [
      ['three frames again', 0, HEADER],
      [three, HEADER, end],
    ]),
    ...[at(1) - 1, at(1), at(1) + 1, at(2) - 16, end - 1].map((length) =>
      broken(`cut to ${length} bytes`, 'truncated', [[three, 0, length]]),
    ),
    { ...broken('one byte more', 'extended', [[three, 0, end]]), append: '00' },
    { ...broken('the next header begun', 'extended', [[three, 0, end]]), append: '9350' },
    ...[HEADER, at(1) - 1, at(1), at(2) + 7, end - 1].map((byte): BrokenObject => ({
      ...broken(`byte ${byte} changed`, 'not-authentic', [[three, 0, end]]),
      flip: [byte, 3],
    })),
  ]
}

function headers(): BrokenObject[] {
  const read = (name: string, failure: string): BrokenObject => ({
    name: `read as what it is not: ${name}`,
    failure,
    pieces: [[name, 0, HEADER + 36]],
  })
  return [
    read('another object', 'not-authentic'),
    read('another site', 'not-authentic'),
    read('another tenant', 'wrong-key'),
    { ...read('a part', 'spliced'), pieces: [['short', 0, HEADER + 36]], flip: [11, 1] },
    {
      name: 'plaintext',
      failure: 'not-an-envelope',
      pieces: [],
      append: Buffer.from('%PDF-1.7 plain').toString('hex'),
    },
    { name: 'nothing', failure: 'truncated', pieces: [] },
  ]
}
