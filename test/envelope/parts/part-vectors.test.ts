import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { StreamContexts } from '../../../src/envelope/context.ts'
import { parsePartHeader, siblingHeader } from '../../../src/envelope/parts/header.ts'
import {
  frameAt,
  frameEndAt,
  frameLog2Before,
  frameLog2Of,
  frameSizings,
  MARK_BYTES,
  openedPartsBytes,
} from '../../../src/envelope/parts/layout.ts'
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
    const own = new StreamContexts(names).of(Buffer.from(spec.objectName ?? OBJECT_NAME))
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

test('a range opens of parts in frames of either size, whichever the first part has', () => {
  for (const [firstName, name, sizing] of [
    ['part 1', 'part 2 of two frames', frameLog2Before],
    ['part 1 in frames of 32 KiB', 'part 2 in frames of 32 KiB', frameLog2Of],
  ] as const) {
    const first = parsePartHeader(stored.get(firstName)!)
    expect(frameSizings(first)[0]).toBe(sizing)
    const { plaintextBytes } = specs.get(name)!
    const part = { plaintextBytes, frameLog2: sizing(plaintextBytes) }
    const from = frameAt(part, plaintextBytes - 1)
    const fetched = Buffer.from(
      stored.get(name)!.subarray(from.sealedAt, frameEndAt(part, plaintextBytes - 1)),
    )
    const header = siblingHeader(first, 2, part, fetched.subarray(0, MARK_BYTES))
    const range = {
      header,
      firstFrame: from.frame,
      skipBytes: 0,
      takeBytes: plaintextBytes - from.plaintextAt,
    }
    const opener = new PartsOpener({ memory, streams: 2, range })
    const opened = Buffer.concat([...opener.supplyKey(id, streamKey, context), ...opener.write(fetched)])
    expect(opened.equals(pattern(plaintextBytes).subarray(from.plaintextAt)), name).toBe(true)
    opener.final()
  }
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
