import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { boundaryOf, FormReader } from '../../../src/protocol/s3/form-reader.ts'

const BOUNDARY = '----WebKitFormBoundary7MA4YWxkTrZu0gW'

function form(file: Buffer): Buffer {
  const part = (disposition: string, value: Buffer | string): Buffer =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from('\r\n'),
    ])
  return Buffer.concat([
    part('name="Key"', 'ä/${filename}'),
    part('name=acl', ''),
    part(`name="file"; filename="a.txt"\r\nContent-Type: text/plain`, file),
    part('name="submit"', 'Send'),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ])
}

/** A source that gives a body in pieces of a length. */
function sourceOf(body: Buffer, pieceBytes: number): { next(): Promise<Buffer | undefined> } {
  let at = 0
  return {
    next: () => {
      const piece = body.subarray(at, (at += pieceBytes))
      return Promise.resolve(piece.length === 0 ? undefined : piece)
    },
  }
}

describe('a form', () => {
  // Content that is nearly a boundary, at every place where a piece can end.
  const nearly = Buffer.concat(
    [`\r\n--${BOUNDARY.slice(0, -1)}`, '\r\n--', '\r', '\r\n'].flatMap((text) => [
      randomBytes(7),
      Buffer.from(text),
    ]),
  )

  it.each([1, 2, 3, 7, 41, 64, 1000, 1 << 20])('is read in pieces of %i bytes', async (pieceBytes) => {
    for (const file of [Buffer.alloc(0), Buffer.from('\r\n'), nearly, randomBytes(3000)]) {
      for (const blockBytes of [1, 10, 64, 5000]) {
        const reader = new FormReader(sourceOf(form(file), pieceBytes), BOUNDARY)
        const { values, fileName } = await reader.readFields()
        expect([...values]).toEqual([
          ['key', 'ä/${filename}'],
          ['acl', ''],
        ])
        expect(fileName).toBe('a.txt')
        const blocks: Buffer[] = []
        while (!reader.fileEnded) blocks.push(await reader.readFile(blockBytes))
        expect(Buffer.concat(blocks).equals(file)).toBe(true)
        await reader.finish()
      }
    }
  })

  it('cut after any byte is never taken for a whole one', async () => {
    const whole = form(Buffer.from('content'))
    const end = whole.lastIndexOf('--')
    for (let length = 0; length < end + 2; length += 1) {
      const reader = new FormReader(sourceOf(whole.subarray(0, length), 64), BOUNDARY)
      const read = async (): Promise<void> => {
        await reader.readFields()
        while (!reader.fileEnded) await reader.readFile(100)
        await reader.finish()
      }
      await expect(read(), `${length}`).rejects.toMatchObject({ s3Code: 'MalformedPOSTRequest' })
    }
  })
})

it.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['multipart/form-data; charset=utf-8; Boundary="a b"', 'a b'],
])('%s has the boundary %s', (type, boundary) => {
  expect(boundaryOf(type)).toBe(boundary)
})
