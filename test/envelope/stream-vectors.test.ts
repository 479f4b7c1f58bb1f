import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { parseHeader } from '../../src/envelope/header.ts'
import { ObjectOpener } from '../../src/envelope/object-opener.ts'
import { StreamContexts } from '../../src/envelope/context.ts'
import { CONTEXT } from '../vectors/make-field.ts'
import { makeStreamVectors, OBJECT_NAME, storedStream } from '../vectors/make-stream.ts'
import type { BrokenObject, SoundStream } from '../vectors/make-stream.ts'
import { derived, keyId, pattern, sha256 } from '../vectors/reference.ts'
import { chunked, CHUNKINGS, failureOf, memory, opener, push, tenantKey } from './stream-support.ts'

const file = JSON.parse(readFileSync(new URL('../vectors/stream.json', import.meta.url), 'utf8')) as {
  keyId: string
  sound: SoundStream[]
  broken: BrokenObject[]
}
const stored = new Map(file.sound.map((spec) => [spec.name, storedStream(spec)]))

afterAll(() => {
  expect(memory.slotsLive, 'every stream key has been wiped').toBe(0)
  expect(memory.freeBytesAreZero()).toBe(true)
})

function brokenBytes(vector: BrokenObject): Buffer {
  const pieces = vector.pieces.map(([name, from, to]) => stored.get(name)!.subarray(from, to))
  const bytes = Buffer.concat([...pieces, Buffer.from(vector.append ?? '', 'hex')])
  if (vector.flip !== undefined) bytes[vector.flip[0]]! ^= 1 << vector.flip[1]
  return bytes
}

test('the committed stream vectors are what the reference makes', () => {
  expect(file).toEqual(makeStreamVectors())
  expect(file.keyId).toBe(keyId(tenantKey).toString('hex'))
})

describe.each(Object.entries(CHUNKINGS))('read %s', (_path, sizes) => {
  test('sound streams open', () => {
    for (const spec of file.sound) {
      const bytes = stored.get(spec.name)!
      expect(sha256(bytes), spec.name).toBe(spec.sealedSha256)
      const key = Buffer.from(spec.tenantKey ?? tenantKey.toString('hex'), 'hex')
      const names = { ...CONTEXT, dataClass: 'attachment', site: spec.site ?? CONTEXT.site }
      const context = new StreamContexts(names).of(Buffer.from(spec.objectName ?? OBJECT_NAME))
      let trailer: Buffer | undefined
      const from = new ObjectOpener({
        memory,
        context,
        onStreamEnd: (_header, bytes) => (trailer = bytes),
      })
      const released: Buffer[] = []
      for (const chunk of chunked(bytes, sizes)) {
        released.push(...from.write(chunk))
        if (from.pendingHeader !== undefined)
          released.push(...from.supplyKey(keyId(key), derived(key, 'stream', 32)))
      }
      expect(from.complete).toBe(true)
      from.final()
      expect(Buffer.concat(released).equals(pattern(spec.plaintextBytes)), spec.name).toBe(true)
      expect(trailer?.toString('hex')).toBe(spec.trailer)
    }
  })

  test('broken objects are refused by class, and nothing unverified is released', () => {
    for (const vector of file.broken) {
      const bytes = brokenBytes(vector)
      const released: Buffer[] = []
      const failure = failureOf(() => push(opener(), chunked(bytes, sizes), released))
      expect(failure, vector.name).toBe(vector.failure)
      const text = Buffer.concat(released)
      if (text.length === 0) continue
      const streams = vector.pieces.map(([name]) =>
        pattern(file.sound.find((spec) => spec.name === name)!.plaintextBytes),
      )
      // Frames that verified may have been released; they are the beginning of what was sealed.
      expect(Buffer.concat(streams).subarray(0, text.length).equals(text), vector.name).toBe(true)
    }
  })
})

test('broken objects cover every class that a stream can fail with', () => {
  const classes = [...new Set(file.broken.map((vector) => vector.failure))].toSorted()
  expect(classes).toEqual(
    ['extended', 'not-an-envelope', 'not-authentic', 'not-canonical', 'spliced', 'too-large', 'truncated']
      .concat(['unknown-suite', 'unknown-version', 'wrong-key'])
      .toSorted(),
  )
})

test('a header reads as its fields', () => {
  expect(parseHeader(stored.get('short with trailer')!)).toMatchObject({
    trailerBytes: 4,
    plaintextBytes: 20,
  })
})
