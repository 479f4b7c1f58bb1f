import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { EnvelopeError } from '../../src/envelope/envelope-error.ts'
import { FieldContext } from '../../src/envelope/context.ts'
import { isFieldEnvelope, parseField, sealedFieldLength } from '../../src/envelope/field-format.ts'
import { openField } from '../../src/envelope/field.ts'
import { makeFieldVectors } from '../vectors/make-field.ts'
import type { BrokenField, FieldCase, SoundField } from '../vectors/make-field.ts'
import { derived, keyId } from '../vectors/reference.ts'

const file = JSON.parse(readFileSync(new URL('../vectors/field.json', import.meta.url), 'utf8')) as {
  sound: SoundField[]
  broken: BrokenField[]
}

/** Opens with the envelope at an odd place of a larger buffer, and checks that nothing else is touched. */
function open(vector: FieldCase): string {
  const text = Buffer.from(vector.envelope, 'utf8')
  const source = Buffer.concat([Buffer.from('"'), text, Buffer.from('" trailing')])
  const end = 1 + text.length
  const head = parseField(source, 1, end)
  const tenantKey = Buffer.from(vector.tenantKey, 'hex')
  const bytes = derived(tenantKey, `field-${head.suite}`, head.suite === 3 ? 64 : 32)
  const name = Buffer.from(vector.field)
  const aad = new FieldContext(vector.context).associatedData(name, 0, name.length)
  const target = Buffer.alloc(head.plaintextBytes + 10, 0xcc)
  try {
    const key = { suite: head.suite, id: keyId(tenantKey), bytes }
    const openedEnd = openField(head, key, aad, source, 1, end, target, 5)
    expect(target.subarray(0, 5)).toEqual(Buffer.alloc(5, 0xcc))
    expect(target.subarray(openedEnd)).toEqual(Buffer.alloc(5, 0xcc))
    return target.toString('utf8', 5, openedEnd)
  } catch (error) {
    expect(target.includes('Portcullis')).toBe(false)
    throw error
  }
}

function failureOf(vector: FieldCase): string {
  try {
    open(vector)
    return 'opened'
  } catch (error) {
    return error instanceof EnvelopeError ? error.failure : String(error)
  }
}

test('the committed field vectors are what the reference makes', () => {
  expect(file).toEqual(makeFieldVectors())
})

describe('sound field vectors', () => {
  test.each(file.sound.map((vector) => [vector.name, vector] as const))('%s opens', (_name, vector) => {
    expect(open(vector)).toBe(vector.token)
    expect(vector.envelope.length).toBe(sealedFieldLength(Buffer.byteLength(vector.token), vector.suite))
    expect(isFieldEnvelope(Buffer.from(vector.envelope), 0, vector.envelope.length)).toBe(true)
  })
})

describe('broken field vectors', () => {
  const classes = [...new Set(file.broken.map((vector) => vector.failure))]

  test.each(classes)('are refused as %s', (failure) => {
    const vectors = file.broken.filter((vector) => vector.failure === failure)
    for (const vector of vectors) expect(failureOf(vector), vector.name).toBe(failure)
  })

  test('cover every class that a field can fail with', () => {
    expect(classes.toSorted()).toEqual([
      'not-an-envelope',
      'not-authentic',
      'not-canonical',
      'truncated',
      'unknown-suite',
      'unknown-version',
      'wrong-key',
    ])
  })
})
