import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CONTEXT_NAME_BYTES_MAX, LAST_NAME_BYTES_MAX } from '../../src/envelope/context.ts'
import { PART_NUMBER_MAX } from '../../src/envelope/header.ts'
import {
  STREAM_HEADER_BYTES,
  STREAM_PLAINTEXT_BYTES_MAX,
  TRAILER_BYTES_MAX,
} from '../../src/envelope/sizes.ts'
import { PART_FRAMES_MAX, PART_OVERHEAD_BYTES } from '../../src/envelope/parts/layout.ts'
import { UNENDED_PART_BYTES } from '../../src/envelope/parts/parts-opener.ts'
import { suiteById } from '../../src/crypto/suites.ts'
import { makeFieldVectors } from '../vectors/make-field.ts'
import { makePartVectors } from '../vectors/make-parts.ts'
import { makeStreamVectors } from '../vectors/make-stream.ts'

const text = readFileSync(new URL('../../docs/SPEC.md', import.meta.url), 'utf8')
const quoted = [...text.matchAll(/```vectors\n([\s\S]*?)```/g)]
  .flatMap((block) =>
    block[1]!
      .replaceAll(/\n {2}/g, ' ')
      .trim()
      .split('\n'),
  )
  .map((line) => {
    const cut = line.lastIndexOf(': ')
    return [line.slice(0, cut), line.slice(cut + 2).replaceAll(' ', '')] as const
  })

/** What every quotable vector must say, from the same source as the vector files. */
function truths(): Map<string, string> {
  const fields = makeFieldVectors()
  const streams = makeStreamVectors()
  const described = streams.sound.map((spec) => {
    const name = `${spec.name}: salt ${spec.salt.slice(0, 2)} x 32, ${spec.plaintextBytes} bytes, trailer ${spec.trailer ?? 'none'}`
    return spec.sealedBytes <= 512
      ? ([name, spec.sealedStart] as const)
      : ([name, `${spec.sealedBytes}byteswithSHA-256${spec.sealedSha256}`] as const)
  })
  const parts = makePartVectors()
  const describedParts = parts.sound.flatMap((spec) => [
    [
      `${spec.name}: mark ${spec.mark.slice(0, 2)} x 16, number ${spec.number}, ${spec.plaintextBytes} bytes`,
      `${spec.sealedBytes}byteswithSHA-256${spec.sealedSha256}`,
    ] as const,
    [`${spec.name}: begins`, spec.sealedStart] as const,
  ])
  return new Map([
    ['key identifier', streams.keyId],
    ...describedParts,
    ...parts.broken.map((vector) => [vector.name, vector.failure] as const),
    ...fields.sound.map((vector) => [vector.name, vector.envelope] as const),
    ...[...fields.broken, ...streams.broken].map((vector) => [vector.name, vector.failure] as const),
    ...described,
  ])
}

describe('docs/SPEC.md', () => {
  test('quotes vectors that are true', () => {
    const known = truths()
    expect(quoted.length).toBeGreaterThan(15)
    for (const [name, value] of quoted) expect(known.get(name.replace(/:$/, '')), name).toBe(value)
  })

  test('states the limits of the code', () => {
    const stated = (limit: number): string => limit.toLocaleString('en-US')
    for (const id of [1, 3]) expect(text).toContain(`| ${stated(suiteById(id)!.plaintextBytesMax)} |`)
    expect(text).toContain(`header (${STREAM_HEADER_BYTES})`)
    expect(text).toContain(`1 to ${stated(CONTEXT_NAME_BYTES_MAX)} bytes`)
    expect(text).toContain(`0 to ${stated(LAST_NAME_BYTES_MAX)} bytes`)
    expect(text).toContain(`1 to ${stated(PART_NUMBER_MAX)} for a part`)
    expect(text).toContain(`0 to ${stated(TRAILER_BYTES_MAX)} |`)
    expect(text).toContain(`A = 120 + ${PART_FRAMES_MAX} x 32 + 48 + 16 = ${stated(PART_OVERHEAD_BYTES)}`)
    expect(UNENDED_PART_BYTES).toBe(5 * 1024 * 1024)
    expect(STREAM_PLAINTEXT_BYTES_MAX).toBe(2 ** 46)
  })
})
