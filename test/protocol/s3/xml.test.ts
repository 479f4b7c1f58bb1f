import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { S3Error } from '../../../src/protocol/s3/errors.ts'
import { childOf, childText, parseXml } from '../../../src/protocol/s3/xml-reader.ts'
import { escapeXml, xmlDocument } from '../../../src/protocol/s3/xml-writer.ts'

function codeOf(text: string | Buffer): string {
  try {
    parseXml(Buffer.from(text))
  } catch (thrown) {
    if (thrown instanceof S3Error) return thrown.s3Code
    throw thrown
  }
  return 'accepted'
}

describe('XML that S3 clients send', () => {
  it('reads elements, attributes, prefixes, references, CDATA and comments', () => {
    const root = parseXml(
      Buffer.from(
        '\ufeff<?xml version="1.0"?>\n<!-- a --><s3:Delete xmlns:s3="x" a=\'b\'>\n <Object><Key>a&amp;b&#x1F600;&#10;<![CDATA[<&>]]></Key></Object><Quiet/>\n</s3:Delete>\n',
      ),
    )
    expect(root.name).toBe('Delete')
    expect(childText(childOf(root, 'Object')!, 'Key')).toBe('a&b\u{1f600}\n<&>')
    expect(childOf(root, 'Quiet')).toMatchObject({ text: '', children: [] })
  })

  it('gives any text back that it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const document = xmlDocument('Root', {
          Key: [text],
          Nested: { Count: 2, Flag: true, Nothing: undefined },
        })
        const root = parseXml(document)
        // oxlint-disable-next-line no-control-regex -- exactly the characters that XML cannot carry
        const expected = text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
        return root.children[0]!.text === expected && childText(root.children[1]!, 'Count') === '2'
      }),
    )
  })

  it('replaces what XML cannot carry', () => {
    expect(escapeXml('a\u0000b\r')).toBe('a\ufffdb&#13;')
  })
})

describe('XML that attackers send', () => {
  it.each([
    ['a billion laughs', '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['an external DTD', '<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>'],
    ['a DOCTYPE inside', '<a><!DOCTYPE b></a>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['a bare ampersand', '<a>b & c</a>'],
    ['a reference to no character', '<a>&#xD800;</a>'],
    ['a reference to NUL', '<a>&#0;</a>'],
    ['a processing instruction', '<a><?php x ?></a>'],
    ['no root', ' '],
    ['two roots', '<a/><b/>'],
    ['text outside', '<a/>b'],
    ['an open element', '<a><b></a>'],
    ['a stray end', '</a>'],
    ['an unclosed tag', '<a'],
    ['an unclosed CDATA', '<a><![CDATA[b</a>'],
    ['an unclosed comment', '<a><!-- b</a>'],
    ['depth', '<a>'.repeat(100_000)],
    ['mixed content', '<a>b<c/>d</a>'],
    ['invalid UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])],
  ])('refuses %s', (_, text) => {
    expect(codeOf(text)).toBe('MalformedXML')
  })

  it('refuses too many elements and too many bytes', () => {
    expect(codeOf(`<a>${'<b/>'.repeat(120_001)}</a>`)).toBe('MalformedXML')
    expect(codeOf(`<a>${' '.repeat(4 * 1024 * 1024)}</a>`)).toBe('MaxMessageLengthExceeded')
  })

  it('throws nothing but S3 errors on any bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '/', 'a', '&', ';', '"', '!', '-', '[', ' ', '=') }),
        (text) => codeOf(text) !== '',
      ),
    )
  })
})
