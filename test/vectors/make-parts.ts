import { CONTEXT, TENANT_KEY } from './make-field.ts'
import type { BrokenObject } from './make-stream.ts'
import { OBJECT_ID, OBJECT_NAME } from './make-stream.ts'
import { pattern, sha256 } from './reference.ts'
import { FULL_PART_BYTES, headerFailure, sealStreamReference } from './reference-stream.ts'

/** One stored part or end record: everything that decides its bytes. */
export interface PartSpec {
  readonly name: string
  readonly kind: 'part' | 'end'
  /** Of a part its number, of an end record the number of parts. */
  readonly number: number
  /** Of an end record those of the whole object. */
  readonly plaintextBytes: number
  readonly mark: string
  readonly trailer: string
  readonly objectId?: string
  readonly objectName?: string
  readonly tenantKey?: string
  readonly site?: string
  /** Least base-2 logarithm of the frame size: 15, or 16 as earlier writers had it. */
  readonly frameLog2Min: number
}
export interface SoundPart extends PartSpec {
  readonly sealedBytes: number
  readonly sealedSha256: string
  /** All but the padding where it is short, else the header. */
  readonly sealedStart: string
}
/** Parts one after the other that open as one object. */
export interface SoundObject {
  readonly name: string
  readonly parts: readonly string[]
  readonly plaintextBytes: number
}
/** As of streams, with the number of streams that the store claims. */
export interface BrokenParts extends BrokenObject {
  readonly streams: number
}

const OTHER_OBJECT_ID = 'b0b1b2b3b4b5b6b7b8b9babbbcbdbebf'
const HEADER = 120
const TRAILER = 64
let marks = 0

function part(name: string, number: number, plaintextBytes: number, more: Partial<PartSpec> = {}): PartSpec {
  marks += 1
  const mark = Buffer.alloc(16, marks).toString('hex')
  return {
    name,
    kind: 'part',
    number,
    plaintextBytes,
    mark,
    trailer: 'c0'.repeat(48),
    frameLog2Min: 16,
    ...more,
  }
}

const SPECS: readonly PartSpec[] = [
  part('part 1', 1, 30),
  part('part 2', 2, 40),
  part('part 3', 3, 0),
  part('part 2 of two frames', 2, 65_537),
  part('part 2 of two frames again', 2, 65_537),
  part('full part 1', 1, FULL_PART_BYTES),
  part('full part 2', 2, FULL_PART_BYTES),
  part('end of two full parts', 2, 2 * FULL_PART_BYTES, { kind: 'end' }),
  part('end of one full part', 1, FULL_PART_BYTES, { kind: 'end' }),
  part('end of parts 1 and 2', 2, 70, { kind: 'end' }),
  part('end of two parts of another length', 2, 71, { kind: 'end' }),
  part('end of another upload', 2, 70, { kind: 'end', objectId: OTHER_OBJECT_ID }),
  part('end of another object', 2, 70, { kind: 'end', objectName: 'attachments/10002' }),
  part('part 2 of another upload', 2, 40, { objectId: OTHER_OBJECT_ID }),
  part('part 2 of another object', 2, 40, { objectName: 'attachments/10002' }),
  part('part 2 of another site', 2, 40, { site: 'other' }),
  part('part 2 of another tenant', 2, 40, { tenantKey: 'f0'.repeat(32) }),
  part('part 1 in frames of 32 KiB', 1, 30, { frameLog2Min: 15 }),
  part('part 2 in frames of 32 KiB', 2, 65_537, { frameLog2Min: 15 }),
]

const OBJECTS: readonly SoundObject[] = [
  { name: 'one part', parts: ['part 1'], plaintextBytes: 30 },
  { name: 'two short parts', parts: ['part 1', 'part 2'], plaintextBytes: 70 },
  {
    name: 'three parts, the last empty',
    parts: ['part 1', 'part 2 of two frames', 'part 3'],
    plaintextBytes: 65_567,
  },
  {
    name: 'parts in frames of 32 KiB',
    parts: ['part 1 in frames of 32 KiB', 'part 2 in frames of 32 KiB', 'part 3'],
    plaintextBytes: 65_567,
  },
  {
    name: 'parts in frames of both sizes',
    parts: ['part 1 in frames of 32 KiB', 'part 2 of two frames', 'part 3'],
    plaintextBytes: 65_567,
  },
  {
    name: 'short parts with an end',
    parts: ['part 1', 'part 2', 'end of parts 1 and 2'],
    plaintextBytes: 70,
  },
  {
    name: 'full parts with their end',
    parts: ['full part 1', 'full part 2', 'end of two full parts'],
    plaintextBytes: 2 * FULL_PART_BYTES,
  },
  {
    name: 'a full part and a short one',
    parts: ['full part 1', 'part 2'],
    plaintextBytes: FULL_PART_BYTES + 40,
  },
]

/** The stored bytes of a part or end record. */
export function storedPart(spec: PartSpec): Buffer {
  return sealStreamReference(
    {
      tenantKey: Buffer.from(spec.tenantKey ?? TENANT_KEY, 'hex'),
      context: { ...CONTEXT, dataClass: 'attachment', site: spec.site ?? CONTEXT.site },
      objectName: spec.objectName ?? OBJECT_NAME,
      objectId: Buffer.from(spec.objectId ?? OBJECT_ID, 'hex'),
      salt: Buffer.from(spec.mark, 'hex'),
      trailer: Buffer.from(spec.trailer, 'hex'),
      frameLog2Min: spec.frameLog2Min,
      ...(spec.kind === 'part' ? { part: spec.number } : { endOf: spec.number }),
    },
    pattern(spec.plaintextBytes),
  )
}

/** Vectors of parts and end records as docs/SPEC.md defines them, made by the reference alone. */
export function makePartVectors(): { sound: SoundPart[]; objects: SoundObject[]; broken: BrokenParts[] } {
  const stored = new Map(SPECS.map((spec) => [spec.name, storedPart(spec)]))
  const sound = SPECS.map((spec): SoundPart => {
    const bytes = stored.get(spec.name)!
    const start = spec.plaintextBytes > 100 && spec.kind === 'part' ? HEADER : unpaddedBytes(spec)
    return {
      ...spec,
      sealedBytes: bytes.length,
      sealedSha256: sha256(bytes),
      sealedStart: bytes.toString('hex', 0, start),
    }
  })
  const [one, fine] = [SPECS[0]!, SPECS.find(({ frameLog2Min }) => frameLog2Min === 15)!]
  return {
    sound,
    objects: [...OBJECTS],
    broken: [
      ...[one, fine].flatMap((spec) => flipped(spec, stored.get(spec.name)!)),
      ...frames(stored),
      ...parts(stored),
      ...ends(stored),
    ],
  }
}

/** Bytes of a short part before its padding. */
function unpaddedBytes({ kind, plaintextBytes }: PartSpec): number {
  return HEADER + (kind === 'end' || plaintextBytes === 0 ? 0 : 32 + plaintextBytes) + TRAILER
}

function flipped(spec: PartSpec, bytes: Buffer): BrokenParts[] {
  const unpadded = unpaddedBytes(spec)
  const padding = [unpadded, unpadded + 1, 20_000, bytes.length - 1]
  return [...Array(unpadded).keys(), ...padding].map((at) => {
    const bit = at % 8
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << bit
    return {
      name: `${spec.name}: bit ${bit} of byte ${at} flipped`,
      failure: at < HEADER ? headerFailure(changed, at, true) : behindHeader(at, unpadded),
      pieces: [[spec.name, 0, bytes.length]],
      flip: [at, bit],
      streams: 1,
    }
  })
}

function behindHeader(at: number, unpadded: number): string {
  if (at < HEADER + 16) return 'spliced'
  return at < unpadded ? 'not-authentic' : 'not-canonical'
}

type Piece = BrokenObject['pieces'][number]
type Maker = (name: string, failure: string, pieces: readonly Piece[], streams?: number) => BrokenParts

function makerFor(prefix: string): Maker {
  return (name, failure, pieces, streams = pieces.length) => ({
    name: `${prefix}: ${name}`,
    failure,
    pieces,
    streams,
  })
}

function wholes(stored: ReadonlyMap<string, Buffer>): (name: string) => Piece {
  return (name) => [name, 0, stored.get(name)!.length]
}

function frames(stored: ReadonlyMap<string, Buffer>): BrokenParts[] {
  const broken = makerFor('frames of a part')
  const [name, again] = ['part 2 of two frames', 'part 2 of two frames again']
  const bytes = stored.get(name)!.length
  const second = HEADER + 32 + 65_536
  const first = wholes(stored)('part 1')
  const head: Piece = [name, 0, HEADER]
  const frame1: Piece = [name, HEADER, second]
  const frame2: Piece = [name, second, second + 33]
  const rest: Piece = [name, second + 33, bytes]
  return [
    broken('dropped', 'spliced', [first, head, frame1, rest], 2),
    broken('swapped', 'not-authentic', [first, head, frame2, frame1, rest], 2),
    broken('repeated', 'not-authentic', [first, head, frame1, frame1, frame2, rest], 2),
    broken(
      'the second of another upload of the part',
      'spliced',
      [first, head, frame1, [again, second, bytes]],
      2,
    ),
    broken('the header of another upload of the part', 'spliced', [first, [again, 0, HEADER], frame1], 2),
  ]
}

function parts(stored: ReadonlyMap<string, Buffer>): BrokenParts[] {
  const broken = makerFor('parts')
  const whole = wholes(stored)
  const [one, two, three] = [whole('part 1'), whole('part 2'), whole('part 3')]
  const [full1, full2] = [whole('full part 1'), whole('full part 2')]
  return [
    broken('first dropped', 'spliced', [two, three]),
    broken('middle dropped', 'spliced', [one, three]),
    broken('middle dropped, and the store does not say so', 'spliced', [one, three], 3),
    broken('swapped', 'spliced', [two, one, three]),
    broken('repeated', 'spliced', [one, one, two]),
    broken('last repeated', 'spliced', [one, two, two]),
    broken('of another upload', 'spliced', [one, whole('part 2 of another upload')]),
    broken('of another object', 'not-authentic', [one, whole('part 2 of another object')]),
    broken('of another site', 'not-authentic', [one, whole('part 2 of another site')]),
    broken('of another tenant', 'wrong-key', [one, whole('part 2 of another tenant')]),
    broken('last dropped, and the store does not say so', 'truncated', [one, two], 3),
    broken('last dropped behind a full one, and the store says so', 'truncated', [full1], 1),
    broken('one more than the store says', 'extended', [one, two, three], 2),
    broken('a full one as the last, without an end', 'truncated', [full1, full2]),
    broken('last cut in its header', 'truncated', [one, ['part 2', 0, 60]]),
    broken('last cut in its frame', 'truncated', [one, ['part 2', 0, HEADER + 20]]),
    broken('last cut in its trailer', 'truncated', [one, ['part 2', 0, HEADER + 100]]),
    broken('last cut in its padding', 'truncated', [one, ['part 2', 0, two[2] - 1]]),
    broken('nothing', 'truncated', [], 1),
    { ...broken('a byte behind the last', 'extended', [one, two]), append: '00' },
    { ...broken('bytes behind the last', 'extended', [one, two]), append: '93'.repeat(130) },
    { ...broken('plaintext', 'not-an-envelope', [], 1), append: Buffer.alloc(200, 'text').toString('hex') },
  ]
}

function ends(stored: ReadonlyMap<string, Buffer>): BrokenParts[] {
  const broken = makerFor('ends')
  const whole = wholes(stored)
  const [one, two] = [whole('part 1'), whole('part 2')]
  const [full1, full2, end2] = [whole('full part 1'), whole('full part 2'), whole('end of two full parts')]
  const end = whole('end of parts 1 and 2')
  return [
    broken('dropped', 'truncated', [full1, full2]),
    broken('dropped with the last part', 'truncated', [full1]),
    broken('kept while the last part is dropped', 'spliced', [full1, end2]),
    broken('kept while the first part is dropped', 'spliced', [full2, end2]),
    broken('of fewer parts, put in its place', 'spliced', [full1, full2, whole('end of one full part')]),
    broken('swapped with the last part', 'spliced', [one, end, two]),
    broken('twice', 'extended', [one, two, end, end]),
    broken('followed by a part', 'extended', [one, two, end, whole('part 3')]),
    broken('alone', 'spliced', [end]),
    broken('of another length', 'spliced', [one, two, whole('end of two parts of another length')]),
    broken('of another upload', 'spliced', [one, two, whole('end of another upload')]),
    broken('of another object', 'not-authentic', [one, two, whole('end of another object')]),
    broken('cut in its padding', 'truncated', [one, two, ['end of parts 1 and 2', 0, end[2] - 1]]),
  ]
}
