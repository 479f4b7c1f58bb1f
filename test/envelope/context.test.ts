import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FieldContext, StreamContexts } from '../../src/envelope/context.ts'
import { CONTEXT } from '../vectors/make-field.ts'
import { fieldAad } from '../vectors/reference.ts'

test('associated data is what the specification says, for one name after another', () => {
  const context = new FieldContext(CONTEXT)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.nat(5), (name, offset) => {
      const bytes = Buffer.concat([Buffer.alloc(offset, 1), Buffer.from(name)])
      expect(Buffer.from(context.associatedData(bytes, offset, bytes.length))).toEqual(
        fieldAad(CONTEXT, name),
      )
    }),
  )
})

test('contexts that are used in turn do not take over names of one another', () => {
  const longer = { ...CONTEXT, site: 'another-site-with-a-longer-name' }
  const contexts = [CONTEXT, longer].map((names) => ({ names, context: new FieldContext(names) }))
  for (const field of ['summary', 'description', 'x', '']) {
    for (const { names, context } of contexts) {
      const bytes = Buffer.from(field)
      expect(Buffer.from(context.associatedData(bytes, 0, bytes.length))).toEqual(fieldAad(names, field))
    }
  }
})

test('two lists of names never give the same associated data', () => {
  const name = fc.string({ minLength: 1, maxLength: 4 })
  const names = fc.record({
    organization: name,
    site: name,
    app: name,
    store: name,
    dataClass: name,
    field: name,
  })
  const encode = ({ field, ...context }: typeof CONTEXT & { field: string }): string => {
    const bytes = Buffer.from(field)
    return Buffer.from(new FieldContext(context).associatedData(bytes, 0, bytes.length)).toString('hex')
  }
  fc.assert(
    fc.property(names, names, (a, b) => {
      expect(encode(a) === encode(b)).toBe(
        JSON.stringify(Object.entries(a)) === JSON.stringify(Object.entries(b)),
      )
    }),
  )
})

test('names beyond the limits, and empty ones, are refused', () => {
  expect(() => new FieldContext({ ...CONTEXT, store: '' })).toThrow(RangeError)
  expect(() => new FieldContext({ ...CONTEXT, site: 'x'.repeat(1025) })).toThrow(RangeError)
  const context = new FieldContext(CONTEXT)
  expect(context.associatedData(Buffer.alloc(4096), 0, 4096).length).toBeGreaterThan(4096)
  expect(() => context.associatedData(Buffer.alloc(4097), 0, 4097)).toThrow(RangeError)
  expect(() => new StreamContexts(CONTEXT).of(Buffer.alloc(0))).toThrow(RangeError)
  expect(() => new StreamContexts(CONTEXT).of(Buffer.alloc(4097))).toThrow(RangeError)
})
