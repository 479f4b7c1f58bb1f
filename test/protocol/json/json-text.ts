import * as fc from 'fast-check'

/** Member names that the coverages of these tests know, in several spellings, and others. */
const NAMES = [
  '"fields"',
  '"\\u0066ields"',
  '"summary"',
  '"status"',
  '"label"',
  '"comments"',
  '"text"',
  '"body"',
  '"items"',
  '"title"',
  '"list"',
  '"id"',
  '""',
  '"\u00e9"',
  '"\\ud83d\\ude00"',
]

const whitespace = fc.constantFrom('', '', '', ' ', '\n', '\t\r\n  ')

const stringToken = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.string({ minLength: 20, maxLength: 200 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"\\u0041\\/\\b"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"~pc1~AAAA"',
    '"\\u007epc1~"',
    '"#\\"#"',
  ),
)

const numberToken = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('0', '-0', '-0.0', '1E+2', '1e-2', '12345678901234567890', '0.1000', '100e0'),
)

const nameToken = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.string().map((text) => JSON.stringify(text)) },
)

/** JSON texts with odd spacing, spellings and duplicate names, as bytes. */
export function jsonText(): fc.Arbitrary<Buffer> {
  const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      stringToken,
      numberToken,
      fc.constantFrom('null', 'true', 'false'),
      tie('array'),
      tie('object'),
    ),
    array: list(tie('value')).map((items) => `[${items}]`),
    object: list(
      fc
        .tuple(nameToken, whitespace, whitespace, tie('value'))
        .map(([name, a, b, item]) => `${name}${a}:${b}${item}`),
    ).map((members) => `{${members}}`),
  }))
  return fc.tuple(whitespace, value, whitespace).map((parts) => Buffer.from(parts.join('')))
}

/** The same with one to three bytes damaged: removed, replaced, inserted or doubled. */
export function mutated(texts: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const byte = fc.oneof(
    fc.constantFrom(...Buffer.from('"\\{}[]:,.-+eE0u/ \n'), 0x00, 0x1f, 0x80, 0xc3, 0xff),
    fc.nat(255),
  )
  const edit = fc.record({
    place: fc.nat(),
    kind: fc.constantFrom('remove', 'replace', 'insert', 'double'),
    byte,
  })
  return fc.tuple(texts, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([text, edits]) => {
    const bytes = [...text]
    for (const { place, kind, byte: other } of edits) {
      const at = place % (bytes.length + 1)
      if (kind === 'remove') bytes.splice(at, 1)
      else if (kind === 'replace') bytes.splice(at, 1, other)
      else if (kind === 'insert') bytes.splice(at, 0, other)
      else bytes.splice(at, 0, ...bytes.slice(at, at + 1))
    }
    return Buffer.from(bytes)
  })
}

/** Offsets at which to cut a body, ascending. */
export function cutsOf(bodyBytes: number): fc.Arbitrary<number[]> {
  return fc
    .uniqueArray(fc.nat(Math.max(0, bodyBytes)), { maxLength: 12 })
    .map((cuts) => cuts.sort((left, right) => left - right))
}

function list(item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(whitespace, fc.array(fc.tuple(item, whitespace, whitespace), { maxLength: 5 }))
    .map(([first, items]) => first + items.map(([text, before, after]) => text + before + after).join(','))
}
