import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRequestHead } from '../../src/listener/request-head.ts'
import { RequestReader } from '../../src/listener/request-reader.ts'

const LIMITS = { headerBytesMax: 1_000, headersCountMax: 10 }

interface Seen {
  readonly line: string
  readonly headers: string[]
  body: string
}

/** Reads requests out of pieces, each in memory that is overwritten after it was read. */
function read(pieces: readonly string[]): Seen[] {
  const reader = new RequestReader(LIMITS)
  const seen: Seen[] = []
  let isBody = false
  for (const text of pieces) {
    const piece = Buffer.from(text, 'latin1')
    let at = 0
    while (at < piece.length) {
      if (isBody) {
        reader.readBody(piece, at, (data) => (seen.at(-1)!.body += data.toString('latin1')))
        at = reader.end
      } else {
        reader.skipEmptyLines(piece, at)
        at = reader.end
        if (at === piece.length) break
        const head = reader.readHead(piece, at)
        at = reader.end
        if (head === undefined) continue
        seen.push({ line: `${head.method} ${head.target}`, headers: head.rawHeaders, body: '' })
        reader.beginBody(readRequestHead(head))
        isBody = true
      }
      if (isBody && reader.bodyComplete) isBody = false
    }
    piece.fill(0xff)
  }
  return seen
}

const REQUESTS = [
  { text: 'GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n', line: 'GET /a?b=c', body: '' },
  {
    text: 'PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n\r\nab\r\n',
    line: 'PUT /b',
    body: '\r\nab\r\n',
  },
  {
    text: 'POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y z"\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n',
    line: 'POST /c',
    body: 'abc0123456789',
  },
  {
    text: 'POST /d HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nX-Sum: 1\r\n\r\n',
    line: 'POST /d',
    body: 'z',
  },
  { text: '\r\n\r\nDELETE /e HTTP/1.1\r\nHost: x\r\n\r\n', line: 'DELETE /e', body: '' },
]

describe('a request reader', () => {
  it('finds the same requests however their bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...REQUESTS), { minLength: 1, maxLength: 6 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }),
        (requests, cuts) => {
          const text = requests.map((each) => each.text).join('')
          const places = [...new Set([0, ...cuts.map((cut) => Math.floor(cut * text.length)), text.length])]
          places.sort((a, b) => a - b)
          const pieces = places.slice(1).map((place, index) => text.slice(places[index], place))
          expect(read(pieces).map(({ line, body }) => ({ line, body }))).toEqual(
            requests.map(({ line, body }) => ({ line, body })),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keeps names and values of fields as they came, without the white space around values', () => {
    const [seen] = read(['GET / HTTP/1.1\r\nHost: x\r\nX-Odd:\t a  b \t\r\nX-Empty:\r\nx-High: \xe9\r\n\r\n'])
    expect(seen!.headers).toEqual(['Host', 'x', 'X-Odd', 'a  b', 'X-Empty', '', 'x-High', '\xe9'])
  })

  it.each([
    ['a version of its own', 'GET / HTTP/1.2\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\n'],
    ['a method in lower case', 'get / HTTP/1.1\r\n'],
    ['an unknown method', 'FETCH / HTTP/1.1\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\n\r\n'],
    ['an absolute target', 'GET http://y/ HTTP/1.1\r\n\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\n\r\n'],
    ['lines ended by a lone line feed', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['a lone line feed within a field', 'GET / HTTP/1.1\r\nHost: x\nX-B: 1\r\n\r\n'],
    ['a lone carriage return within a field', 'GET / HTTP/1.1\r\nHost: x\rX-B: 1\r\n\r\n'],
    ['a folded line', 'GET / HTTP/1.1\r\nX-A: 1\r\n 2\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nX-A : 1\r\n\r\n'],
    ['a field without a name', 'GET / HTTP/1.1\r\n: 1\r\n\r\n'],
    ['a field without a colon', 'GET / HTTP/1.1\r\nX-A\r\n\r\n'],
    ['a NUL', 'GET / HTTP/1.1\r\nX-A: a\0b\r\n\r\n'],
    ['the first bytes of TLS', '\x16\x03\x01\x02\x00\x01'],
    ['both lengths', 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['chunked in quotes', 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "chunked"\r\n\r\n'],
    ['a length with a sign', 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n'],
    ['a list of lengths', 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n'],
  ])('refuses %s, however it is cut', (_what, text) => {
    for (const bytes of [1, 2, 1000]) {
      const pieces = text.match(new RegExp(`[^]{1,${bytes}}`, 'g'))!
      expect(() => read(pieces)).toThrow(expect.objectContaining({ code: 'request-malformed' }))
    }
  })

  const CHUNKED = 'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'

  it.each([
    ['a chunk length that is no number', 'g\r\n'],
    ['a chunk length with a prefix', '0x3\r\nabc\r\n'],
    ['a chunk length with a sign', '+3\r\nabc\r\n'],
    ['a chunk length with a space before it', ' 3\r\nabc\r\n'],
    ['a chunk length beyond what can be counted', 'fffffffffffff\r\n'],
    ['a chunk longer than it says', '3\r\nabcd\r\n'],
    ['a chunk line ended by a lone line feed', '3\nabc\r\n0\r\n\r\n'],
    ['a carriage return within a chunk extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['a trailer that is no field', '0\r\nX A: 1\r\n\r\n'],
    ['an endless chunk extension', `3;${'x'.repeat(2_000)}\r\nabc\r\n`],
  ])('refuses %s, however it is cut', (_what, body) => {
    for (const bytes of [1, 2, 1000]) {
      const pieces = (CHUNKED + body).match(new RegExp(`[^]{1,${bytes}}`, 'g'))!
      expect(() => read(pieces)).toThrow(expect.objectContaining({ code: 'request-malformed' }))
    }
  })

  it('refuses a head above its limits without waiting for its end', () => {
    const endless = `GET / HTTP/1.1\r\nX-A: ${'a'.repeat(2_000)}`
    for (const pieces of [[endless], endless.match(/[^]{1,7}/g)!])
      expect(() => read(pieces)).toThrow(expect.objectContaining({ code: 'headers-too-large' }))
    expect(() => read([`GET / HTTP/1.1\r\n${'A: 1\r\n'.repeat(11)}\r\n`])).toThrow(
      expect.objectContaining({ code: 'headers-too-large' }),
    )
  })
})
