import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { streamContext } from '../../../src/envelope/context.ts'
import { parsePartHeader } from '../../../src/envelope/parts/header.ts'
import { openedPartsBytes } from '../../../src/envelope/parts/layout.ts'
import { PartsOpener } from '../../../src/envelope/parts/parts-opener.ts'
import { CONTEXT } from '../../vectors/make-field.ts'
import type { BrokenParts, SoundObject, SoundPart } from '../../vectors/make-parts.ts'
import { makePartVectors, storedPart } from '../../vectors/make-parts.ts'
import { OBJECT_NAME } from '../../vectors/make-stream.ts'
import { derived, keyId, pattern, sha256 } from '../../vectors/reference.ts'
import {
  chunked,
  CHUNKINGS,
  context,
  failureOf,
  id,
  memory,
  streamKey,
  tenantKey,
} from '../stream-support.ts'

const file = JSON.parse(readFileSync(new URL('../../vectors/parts.json', import.meta.url), 'utf8')) as {
  sound: SoundPart[]
  objects: SoundObject[]
  broken: BrokenParts[]
}
const specs = new Map(file.sound.map((spec) => [spec.name, spec]))
const stored = new Map(file.sound.map((spec) => [spec.name, storedPart(spec)]))

afterAll(() => {
  expect(memory.slotsLive, 'every stream key has been wiped').toBe(0)
  expect(memory.freeBytesAreZero()).toBe(true)
})

function brokenBytes(vector: BrokenParts): Buffer {
  const pieces = vector.pieces.map(([name, from, to]) => stored.get(name)!.subarray(from, to))
  const bytes = Buffer.concat([...pieces, Buffer.from(vector.append ?? '', 'hex')])
  if (vector.flip !== undefined) bytes[vector.flip[0]]! ^= 1 << vector.flip[1]
  return bytes
}

/** Pushes stored bytes through an opener, gathering what it releases even when it fails. */
function push(from: PartsOpener, chunks: Iterable<Buffer>, released: Buffer[] = []): Buffer {
  for (const chunk of chunks) {
    released.push(...from.write(chunk))
    while (from.pendingHeader !== undefined) released.push(...from.supplyKey(id, streamKey, context))
  }
  from.final()
  return Buffer.concat(released)
}

/** Plaintext of stored parts one after the other. */
function plaintextOf(names: readonly string[]): Buffer {
  return Buffer.concat(
    names.map((name) => {
      const { kind, plaintextBytes } = specs.get(name)!
      return kind === 'end' ? Buffer.alloc(0) : pattern(plaintextBytes)
    }),
  )
}

test('the committed vectors of parts are what the reference makes', () => {
  expect(file).toEqual(makePartVectors())
  for (const spec of file.sound) expect(sha256(stored.get(spec.name)!), spec.name).toBe(spec.sealedSha256)
})

test('each part opens alone, under its own key and name', () => {
  for (const spec of file.sound.filter(({ kind }) => kind === 'part')) {
    const key = Buffer.from(spec.tenantKey ?? tenantKey.toString('hex'), 'hex')
    const names = { ...CONTEXT, dataClass: 'attachment', site: spec.site ?? CONTEXT.site }
    const opener = new PartsOpener({ memory, streams: 1, single: true })
    const released = opener.write(Buffer.from(stored.get(spec.name)!))
    const own = streamContext(names, Buffer.from(spec.objectName ?? OBJECT_NAME))
    released.push(...opener.supplyKey(keyId(key), derived(key, 'stream', 32), own))
    opener.final()
    expect(Buffer.concat(released).equals(pattern(spec.plaintextBytes)), spec.name).toBe(true)
    expect(opener.trailer!.toString('hex')).toBe(spec.trailer)
  }
})

describe.each(Object.entries(CHUNKINGS))('read %s', (_path, sizes) => {
  test.each(file.objects)('$name open as one object', ({ parts, plaintextBytes }) => {
    const bytes = Buffer.concat(parts.map((name) => stored.get(name)!))
    const opened = push(new PartsOpener({ memory, streams: parts.length }), chunked(bytes, sizes))
    expect(opened.equals(plaintextOf(parts))).toBe(true)
    expect(openedPartsBytes(bytes.length, parts.length)).toBe(plaintextBytes)
  })

  test('broken objects are refused by class, and nothing unverified is released', () => {
    for (const vector of file.broken) {
      const bytes = brokenBytes(vector)
      const released: Buffer[] = []
      const opener = new PartsOpener({ memory, streams: vector.streams })
      const failure = failureOf(() => push(opener, chunked(bytes, sizes), released))
      expect(failure, vector.name).toBe(vector.failure)
      const text = Buffer.concat(released)
      if (text.length === 0) continue
      // Frames that verified may have been released; they are the beginning of what was sealed.
      const sealed = plaintextOf(vector.pieces.map(([name]) => name))
      expect(sealed.subarray(0, text.length).equals(text), vector.name).toBe(true)
    }
  })
})

test('broken objects cover every class that an object of parts can fail with', () => {
  const classes = [...new Set(file.broken.map((vector) => vector.failure))].toSorted()
  expect(classes).toEqual(
    ['extended', 'not-an-envelope', 'not-authentic', 'not-canonical', 'spliced', 'too-large', 'truncated']
      .concat(['unknown-suite', 'unknown-version', 'wrong-key'])
      .toSorted(),
  )
})

test('a header reads as its fields', () => {
  const header = { kind: 'part', partNumber: 2, trailerBytes: 48, plaintextBytes: 40 }
  expect(parsePartHeader(stored.get('part 2')!)).toMatchObject(header)
  const end = { kind: 'end', partNumber: 2, trailerBytes: 48, plaintextBytes: 70 }
  expect(parsePartHeader(stored.get('end of parts 1 and 2')!)).toMatchObject(end)
})
