import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SecureMemory } from '../../../src/crypto/secure-memory.ts'
import { StreamContexts } from '../../../src/envelope/context.ts'
import { EnvelopeError } from '../../../src/envelope/envelope-error.ts'
import { partsObjectId } from '../../../src/envelope/object-id.ts'
import { parsePartHeader, siblingHeader } from '../../../src/envelope/parts/header.ts'
import type { PartSize } from '../../../src/envelope/parts/layout.ts'
import {
  frameAt,
  frameEndAt,
  frameLog2Of,
  MARK_BYTES,
  openedPartsBytes,
  PART_OVERHEAD_BYTES,
  PART_PLAINTEXT_BYTES_MAX,
  partFrames,
  sealedPartBytes,
} from '../../../src/envelope/parts/layout.ts'
import { PartsOpener, type PartsOpenerOptions } from '../../../src/envelope/parts/parts-opener.ts'
import { PartSealer, type PartSealing, sealEndRecord } from '../../../src/envelope/parts/sealer.ts'

const memory = new SecureMemory()
const streamKey = Buffer.alloc(32, 7)
const keyId = Buffer.alloc(16, 9)
const names = {
  organization: 'acme',
  site: 'acme',
  app: 'jira',
  store: 'attachments',
  dataClass: 'attachment',
}
const context = new StreamContexts(names).of(Buffer.from('bucket/key'))
const sealing: PartSealing = { memory, keyId, streamKey, context, objectId: partsObjectId('upload') }
const TRAILER = Buffer.alloc(48, 3)
const MEBIBYTE = 1024 * 1024

function seal(number: number, plaintext: Buffer, further: Partial<PartSealing> = {}): Buffer {
  const sealer = new PartSealer({ ...sealing, ...further }, number, plaintext.length)
  const pieces: Buffer[] = []
  for (let at = 0; at < plaintext.length; at += 50_000)
    pieces.push(...sealer.write(Buffer.from(plaintext.subarray(at, at + 50_000))))
  return Buffer.concat([...pieces, ...sealer.final(TRAILER)])
}

function open(
  stored: Buffer,
  options: Partial<PartsOpenerOptions> & { streams: number },
  pieceBytes = 1 << 20,
): Buffer {
  const opener = new PartsOpener({ memory, ...options })
  const output: Buffer[] = []
  const supply = (): void => {
    while (opener.pendingHeader !== undefined) output.push(...opener.supplyKey(keyId, streamKey, context))
  }
  supply()
  for (let at = 0; at < stored.length; at += pieceBytes) {
    output.push(...opener.write(Buffer.from(stored.subarray(at, at + pieceBytes))))
    supply()
  }
  opener.final()
  return Buffer.concat(output)
}

function failureOf(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return thrown.failure
    throw thrown
  }
  return 'opened'
}

/** How a part of a length is laid out now. */
function sizeOf(plaintextBytes: number): PartSize {
  return { plaintextBytes, frameLog2: frameLog2Of(plaintextBytes) }
}

const first = randomBytes(5 * MEBIBYTE + 13)
const second = randomBytes(5 * MEBIBYTE)
const small = randomBytes(70_000)

describe('length of an object made of parts', () => {
  it('follows from its stored length and its number of parts, whatever their lengths', () => {
    for (const lengths of [[0], [1], [65_535, 65_536, 65_537], [13, 0, 99_999]]) {
      const stored = lengths.map((bytes, index) => seal(index + 1, randomBytes(bytes)).length)
      const total = stored.reduce((sum, bytes) => sum + bytes, 0)
      expect(openedPartsBytes(total, lengths.length)).toBe(lengths.reduce((sum, bytes) => sum + bytes, 0))
    }
  })

  it('keeps an end record as long as an empty part', () => {
    expect(sealEndRecord(sealing, 1, 5, TRAILER)).toHaveLength(PART_OVERHEAD_BYTES)
    expect(sealedPartBytes(0)).toBe(PART_OVERHEAD_BYTES)
  })

  it.each([
    [0, 15, 0],
    [1, 15, 1],
    [32 * MEBIBYTE, 15, 1024],
    [32 * MEBIBYTE + 1, 16, 513],
    [64 * MEBIBYTE, 16, 1024],
    [64 * MEBIBYTE + 1, 17, 513],
    [PART_PLAINTEXT_BYTES_MAX, 23, 640],
  ])('a part of %i bytes has frames of 2^%i bytes', (bytes, log2, frames) => {
    expect(frameLog2Of(bytes)).toBe(log2)
    expect(partFrames(sizeOf(bytes))).toBe(frames)
  })

  it('is undefined for lengths that no object has', () => {
    expect(openedPartsBytes(PART_OVERHEAD_BYTES - 1, 1)).toBeUndefined()
  })
})

describe('parts', () => {
  const object = Buffer.concat([seal(1, first), seal(2, second), seal(3, small)])
  const whole = Buffer.concat([first, second, small])

  it.each([1 << 20, 65_536, 4099, 120])('open in pieces of %i bytes', (pieceBytes) => {
    expect(open(object, { streams: 3 }, pieceBytes).equals(whole)).toBe(true)
  })

  it('open byte by byte', () => {
    const stored = seal(1, small)
    expect(open(stored, { streams: 1 }, 1).equals(small)).toBe(true)
    expect(open(seal(1, Buffer.alloc(0)), { streams: 1 }, 1)).toHaveLength(0)
  })

  it('open alone, whatever their number', () => {
    expect(open(seal(7, small), { streams: 1, single: true }).equals(small)).toBe(true)
  })

  it('with a long last part need an end record', () => {
    const unended = object.subarray(0, sealedPartBytes(first.length) + sealedPartBytes(second.length))
    expect(failureOf(() => open(unended, { streams: 2 }))).toBe('truncated')
    const end = sealEndRecord(sealing, 2, first.length + second.length, TRAILER)
    expect(open(Buffer.concat([unended, end]), { streams: 3 }).equals(Buffer.concat([first, second]))).toBe(
      true,
    )
  })

  it('do not open with a part or bytes missing, added, moved or from elsewhere', () => {
    const [one, two, three] = [seal(1, first), seal(2, second), seal(3, small)]
    const end = sealEndRecord(sealing, 2, first.length + second.length, TRAILER)
    const stray = seal(2, small, { objectId: partsObjectId('another upload') })
    const elsewhere = seal(2, small, { context: new StreamContexts(names).of(Buffer.from('bucket/other')) })
    const cases: [string, Buffer[], number][] = [
      ['spliced', [two, three], 2],
      ['spliced', [one, three], 2],
      ['spliced', [two, one, three], 3],
      ['spliced', [one, one], 2],
      ['spliced', [one, stray], 2],
      ['spliced', [end], 1],
      ['spliced', [one, end], 2],
      ['not-authentic', [one, elsewhere], 2],
      ['truncated', [one, two], 3],
      ['truncated', [one, two.subarray(0, -1)], 2],
      ['truncated', [one.subarray(0, 100)], 1],
      ['extended', [one, two, three], 2],
      ['extended', [one, two, end, three], 4],
      ['not-an-envelope', [one, two, three, Buffer.alloc(130)], 4],
    ]
    for (const [failure, pieces, streams] of cases) {
      expect(failureOf(() => open(Buffer.concat(pieces), { streams }))).toBe(failure)
    }
  })

  it('do not open with any bit changed, and give out no byte of a changed frame', () => {
    const stored = seal(1, small)
    const positions = [...Array(STEP).keys()].map((index) =>
      Math.floor((index * (stored.length - 1)) / (STEP - 1)),
    )
    for (const at of [...Array(136).keys(), ...positions]) {
      const changed = Buffer.from(stored)
      changed[at]! ^= 1 << (at % 8)
      const failure = failureOf(() => open(changed, { streams: 1 }))
      expect(failure, `byte ${at}`).not.toBe('opened')
    }
  })

  it('do not open with frames swapped between two uploads of one part', () => {
    const [before, after] = [seal(1, small), seal(1, small)]
    const frame = frameAt(sizeOf(small.length), 65_536).sealedAt
    const mixed = Buffer.concat([before.subarray(0, frame), after.subarray(frame)])
    expect(failureOf(() => open(mixed, { streams: 1 }))).toBe('spliced')
  })
})

const STEP = 60

describe('a range without the header of its part', () => {
  const parts = [seal(1, first), seal(2, first.toReversed() as Buffer)]
  const header = parsePartHeader(parts[0]!)

  it('opens from the frames alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: first.length - 1 }),
        fc.integer({ min: 1, max: 200_000 }),
        (start, bytes) => {
          const end = Math.min(start + bytes, first.length) - 1
          const from = frameAt(sizeOf(first.length), start)
          const fetched = parts[1]!.subarray(from.sealedAt, frameEndAt(sizeOf(first.length), end))
          const range = {
            header: siblingHeader(header, 2, sizeOf(first.length), fetched.subarray(0, MARK_BYTES)),
            firstFrame: from.frame,
            skipBytes: start - from.plaintextAt,
            takeBytes: end - start + 1,
          }
          const expected = Buffer.from(first.toReversed()).subarray(start, end + 1)
          return open(fetched, { streams: 2, range }).equals(expected)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('does not open where another part or frame was supposed', () => {
    const fetched = parts[1]!.subarray(
      frameAt(sizeOf(first.length), 32_768).sealedAt,
      frameEndAt(sizeOf(first.length), 32_768),
    )
    const supposed = (number: number, bytes: number, firstFrame: number): string =>
      failureOf(() =>
        open(fetched, {
          streams: 2,
          range: {
            header: siblingHeader(header, number, sizeOf(bytes), fetched.subarray(0, MARK_BYTES)),
            firstFrame,
            skipBytes: 0,
            takeBytes: 1,
          },
        }),
      )
    expect(supposed(2, first.length, 1)).toBe('opened')
    expect(supposed(1, first.length, 1)).toBe('not-authentic')
    expect(supposed(2, first.length, 2)).toBe('not-authentic')
    expect(supposed(2, first.length + 1, 1)).toBe('not-authentic')
  })
})

describe('sealing', () => {
  it('refuses more or less plaintext than was declared', () => {
    expect(() => new PartSealer(sealing, 1, 3).write(Buffer.from('four'))).toThrow(RangeError)
    expect(() => new PartSealer(sealing, 1, 3).final(TRAILER)).toThrow(RangeError)
    expect(() => new PartSealer(sealing, 0, 3)).toThrow(RangeError)
    expect(() => new PartSealer(sealing, 10_001, 3)).toThrow(RangeError)
    expect(() => new PartSealer(sealing, 1, PART_PLAINTEXT_BYTES_MAX + 1)).toThrow(RangeError)
  })

  it('never repeats a mark', () => {
    const marks = new Set(
      [...Array(100).keys()].map(() => new PartSealer(sealing, 1, 0).header.salt.toString('hex')),
    )
    expect(marks.size).toBe(100)
  })
})
