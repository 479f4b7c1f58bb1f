import { describe, expect, it } from 'vitest'
import { ResponseReader } from '../../src/upstream/response-reader.ts'

interface Read {
  status: number
  headers: string[]
  body: string
  trailers: string[] | undefined
  reusable: boolean | undefined
}

/** Reads a response in pieces of `pieceBytes`, as lent memory that is overwritten after each call. */
function read(text: string, { pieceBytes = 1e9, method = 'GET', closes = false } = {}): Read {
  const result: Read = { status: 0, headers: [], body: '', trailers: undefined, reusable: undefined }
  const reader = new ResponseReader()
  reader.expect(method, {
    head: (status, headers) => Object.assign(result, { status, headers }),
    data: (chunk) => (result.body += chunk.toString('latin1')),
    end: (trailers, reusable) => Object.assign(result, { trailers, reusable }),
  })
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes))
    reader.read(piece)
    piece.fill(0xff)
  }
  if (closes) reader.close()
  return result
}

const FIXED = 'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n'

describe('a response reader', () => {
  it.each([1, 2, 3, 7, 1000])('reads fixed and chunked bodies in pieces of %i bytes', (pieceBytes) => {
    expect(read(FIXED, { pieceBytes })).toMatchObject({
      status: 200,
      body: 'hello',
      trailers: [],
      reusable: true,
    })
    expect(read(CHUNKED, { pieceBytes })).toMatchObject({
      body: 'hello world',
      trailers: ['X-T', '1'],
      reusable: true,
    })
    const bare = CHUNKED.replace('X-T: 1\r\n', '')
    expect(read(bare, { pieceBytes })).toMatchObject({ body: 'hello world', trailers: [], reusable: true })
    const interim = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${FIXED}`
    expect(read(interim, { pieceBytes })).toMatchObject({ status: 200, body: 'hello' })
  })

  it('knows which responses have no body', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { method: 'HEAD' })).toMatchObject({
      trailers: [],
    })
    expect(read('HTTP/1.1 204 No Content\r\n\r\n').trailers).toEqual([])
    expect(read('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n').trailers).toEqual([])
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n').trailers).toEqual([])
  })

  it('reads a body without framing to the end of the connection, which is spent then', () => {
    expect(read('HTTP/1.1 200 OK\r\n\r\nabc').trailers).toBeUndefined()
    expect(read('HTTP/1.1 200 OK\r\n\r\nabc', { closes: true })).toMatchObject({
      body: 'abc',
      reusable: false,
    })
  })

  it('does not end a body with a length when the connection ends early', () => {
    expect(read(FIXED.slice(0, -1), { closes: true }).trailers).toBeUndefined()
    expect(read(CHUNKED.slice(0, -3), { closes: true }).trailers).toBeUndefined()
  })

  it('does not reuse a connection that says close, is of HTTP/1.0, or carried more than the response', () => {
    expect(read(FIXED.replace('ETag: "a"', 'Connection: close')).reusable).toBe(false)
    expect(read(FIXED.replace('HTTP/1.1', 'HTTP/1.0')).reusable).toBe(false)
    expect(read(`${FIXED}HTTP/1.1 200 OK\r\n`)).toMatchObject({ body: 'hello', reusable: false })
  })

  it.each([
    ['two lengths', FIXED.replace('ETag: "a"', 'Content-Length: 6')],
    ['a length and chunks', CHUNKED.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n')],
    ['another coding', CHUNKED.replace('chunked', 'gzip, chunked')],
    ['chunks under HTTP/1.0', CHUNKED.replace('HTTP/1.1', 'HTTP/1.0')],
    ['a length that is no number', FIXED.replace('5', '+5')],
    ['a chunk length that is no number', CHUNKED.replace('5\r\n', '0x5\r\n')],
    ['a chunk that is longer than it says', CHUNKED.replace('hello', 'hello!')],
    ['a folded field', FIXED.replace('ETag: "a"', 'ETag: "a"\r\n more')],
    ['a space before the colon', FIXED.replace('ETag:', 'ETag :')],
    ['a bare line feed in a field', FIXED.replace('"a"', '"a"\nX: y')],
    ['no status line', `x${FIXED}`],
    ['a change of protocol', FIXED.replace('200 OK', '101 Switching')],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}`],
  ])('refuses %s', (_name, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'store-response-invalid' }))
    expect(() => read(text, { pieceBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'store-response-invalid' }),
    )
  })
})
