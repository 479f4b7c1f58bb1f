import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SecureMemoryError } from '../../src/crypto/secure-memory.ts'
import { StreamContexts } from '../../src/envelope/context.ts'
import { partsObjectId } from '../../src/envelope/object-id.ts'
import { sha256 } from '../vectors/reference.ts'
import { sealStreamReference } from '../vectors/reference-stream.ts'
import { CONTEXT } from '../vectors/make-field.ts'
import { OBJECT_NAME } from '../vectors/make-stream.ts'
import {
  chunked,
  context,
  failureOf,
  id,
  memory,
  opener,
  push,
  seal,
  sealer,
  streamKey,
  tenantKey,
} from './stream-support.ts'

const FRAME = 65_536
const EDGES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME - 1, 2 * FRAME, 2 * FRAME + 1]

describe('a sealed stream', () => {
  test.each(EDGES)('of %i bytes is what the reference seals with the same salt', (bytes) => {
    const plaintext = randomBytes(bytes)
    const sealed = seal(plaintext)
    const expected = sealStreamReference(
      {
        tenantKey,
        context: { ...CONTEXT, dataClass: 'attachment' },
        objectName: OBJECT_NAME,
        objectId: sealed.subarray(24, 40),
        salt: sealed.subarray(56, 88),
      },
      plaintext,
    )
    expect(sealed.equals(expected)).toBe(true)
  })

  test('comes back whatever chunks it was written and read in', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 80_000 })), {
      minLength: 1,
      maxLength: 6,
    })
    const length = fc.oneof(fc.constantFrom(...EDGES), fc.nat(3 * FRAME))
    fc.assert(
      fc.property(length, sizes, sizes, fc.constantFrom(0, 36), (bytes, writes, reads, trailerBytes) => {
        const plaintext = randomBytes(bytes)
        const stream = sealer({ plaintextBytes: bytes, trailerBytes })
        const output = [...chunked(plaintext, [...writes, 9000])].flatMap((chunk) => stream.write(chunk))
        const sealed = Buffer.concat([...output, ...stream.final(Buffer.alloc(trailerBytes, 5))])
        expect(sealed.length).toBe(stream.sealedBytes)
        expect(push(opener(), chunked(sealed, [...reads, 9000])).equals(plaintext)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('never repeats a salt or an object identifier', () => {
    const headers = Array.from({ length: 200 }, () => seal(Buffer.alloc(0)))
    expect(new Set(headers.map((bytes) => bytes.toString('hex', 56, 88))).size).toBe(200)
    expect(new Set(headers.map((bytes) => bytes.toString('hex', 24, 40))).size).toBe(200)
  })

  test('takes exactly the declared bytes', () => {
    const over = sealer({ plaintextBytes: 3 })
    over.write(Buffer.alloc(2))
    expect(() => over.write(Buffer.alloc(2))).toThrow(RangeError)
    expect(() => over.final()).toThrow(RangeError)
    over.destroy()
    const trailer = sealer({ plaintextBytes: 0, trailerBytes: 2 })
    expect(() => trailer.final(Buffer.alloc(3))).toThrow(RangeError)
    trailer.destroy()
    for (const plaintextBytes of [-1, 1.5, 2 ** 46 + 1])
      expect(() => sealer({ plaintextBytes })).toThrow(RangeError)
  })

  test.each([0, 5, FRAME])('cannot be finished after it was destroyed, with %i bytes written', (bytes) => {
    const stream = sealer({ plaintextBytes: bytes })
    stream.write(Buffer.alloc(bytes))
    stream.destroy()
    expect(() => stream.final()).toThrow(SecureMemoryError)
    expect(() => stream.write(Buffer.alloc(0))).toThrow(SecureMemoryError)
  })

  test('cannot be finished twice', () => {
    const stream = sealer({ plaintextBytes: 1 })
    stream.write(Buffer.alloc(1))
    stream.final()
    expect(() => stream.final()).toThrow(SecureMemoryError)
  })
})

describe('an opener', () => {
  test('is bound to the object name and to every name of the context', () => {
    const sealed = seal(randomBytes(10))
    const names = { ...CONTEXT, dataClass: 'attachment' }
    for (const name of Object.keys(names)) {
      const other = new StreamContexts({ ...names, [name]: 'other' }).of(Buffer.from(OBJECT_NAME))
      expect(
        failureOf(() => push(opener({ context: other }), [sealed])),
        name,
      ).toBe('not-authentic')
    }
    const moved = new StreamContexts(names).of(Buffer.from('attachments/1000'))
    expect(failureOf(() => push(opener({ context: moved }), [sealed]))).toBe('not-authentic')
    expect(failureOf(() => push(opener(), [sealed]))).toBeUndefined()
  })

  test('refuses a key with the wrong identifier, or the right one and other bytes', () => {
    const sealed = seal(randomBytes(10))
    const supply = (keyId: Buffer, key: Buffer): unknown => {
      const from = opener()
      from.write(Buffer.from(sealed))
      return from.supplyKey(keyId, key)
    }
    expect(failureOf(() => supply(randomBytes(16), streamKey))).toBe('wrong-key')
    expect(failureOf(() => supply(id, randomBytes(32)))).toBe('not-authentic')
  })

  test('releases nothing of a frame before its tag is complete', () => {
    const sealed = seal(randomBytes(2 * FRAME))
    const from = opener()
    from.write(sealed.subarray(0, 120))
    expect(from.supplyKey(id, streamKey)).toEqual([])
    expect(from.write(sealed.subarray(120, 120 + FRAME + 15))).toEqual([])
    expect(Buffer.concat(from.write(sealed.subarray(120 + FRAME + 15, 120 + FRAME + 16))).length).toBe(FRAME)
    from.destroy()
  })

  test('wipes its key when it is destroyed, and takes no more', () => {
    const before = memory.slotsLive
    const from = opener()
    from.write(seal(randomBytes(10)).subarray(0, 125))
    from.supplyKey(id, streamKey)
    expect(memory.slotsLive).toBe(before + 1)
    from.destroy()
    expect(memory.slotsLive).toBe(before)
    expect(() => from.write(Buffer.alloc(1))).toThrow()
    expect(() => from.final()).toThrow()
  })

  test('does not let its memory grow with tiny chunks', () => {
    const sealed = seal(randomBytes(FRAME))
    const released: Buffer[] = []
    push(opener(), chunked(sealed, [1]), released)
    expect(released.length).toBeLessThan(100)
  })
})

test('the object identifier of parts follows from the upload identifier as specified', () => {
  const label = Buffer.concat([Buffer.from([0, 0, 0, 20]), Buffer.from('portcullis/upload/v1')])
  expect(partsObjectId('u').toString('hex')).toBe(
    sha256(Buffer.concat([label, Buffer.from('u')])).slice(0, 32),
  )
  expect(partsObjectId('u')).not.toEqual(partsObjectId('v'))
  expect(context.length).toBeGreaterThan(0)
})
