import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChunkedBody } from '../../../src/protocol/s3/chunked-decoder.ts'
import { ChunkedDecoder } from '../../../src/protocol/s3/chunked-decoder.ts'
import { S3Error } from '../../../src/protocol/s3/errors.ts'
import { signingKey, signText } from '../../../src/protocol/s3/signing-key.ts'

const CREDENTIAL = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const SCOPE = { date: '20130524', region: 'us-east-1', service: 's3' }
const SIGNING_KEY = signingKey(CREDENTIAL, SCOPE)
const LETTERS = Buffer.alloc(66_560, 'a')

function signing(seedSignature: string): ChunkedBody['signing'] {
  return { signingKey: SIGNING_KEY, scope: SCOPE, timestamp: '20130524T000000Z', seedSignature }
}

/** The 65 KB upload in three chunks of the S3 reference. */
function example(signatures: [string, string, string], trailer = ''): Buffer {
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${signatures[0]}\r\n`),
    LETTERS.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${signatures[1]}\r\n`),
    LETTERS.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${signatures[2]}\r\n${trailer}\r\n`),
  ])
}

const PLAIN_SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
const PLAIN_SIGNATURES: [string, string, string] = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
]
const TRAILER_SEED = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e'
const TRAILER_SIGNATURES: [string, string, string] = [
  'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
  '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
  '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
]
const TRAILER =
  'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n'

function decode(body: ChunkedBody, encoded: Buffer, pieceBytes: number): { data: Buffer; trailers: object } {
  const decoder = new ChunkedDecoder(body)
  const data: Buffer[] = []
  for (let at = 0; at < encoded.length; at += pieceBytes) {
    decoder.push(encoded.subarray(at, at + pieceBytes), (piece) => data.push(piece))
  }
  const trailers = decoder.end()
  return { data: Buffer.concat(data), trailers: Object.fromEntries(trailers) }
}

function codeOf(body: ChunkedBody, encoded: Buffer | string, pieceBytes = 1 << 20): string {
  try {
    decode(body, Buffer.from(encoded), pieceBytes)
  } catch (thrown) {
    if (thrown instanceof S3Error) return thrown.s3Code
    throw thrown
  }
  return 'accepted'
}

const plainBody: ChunkedBody = { decodedBytes: 66_560, signing: signing(PLAIN_SEED), trailerNames: undefined }
const trailerBody: ChunkedBody = {
  decodedBytes: 66_560,
  signing: signing(TRAILER_SEED),
  trailerNames: ['x-amz-checksum-crc32c'],
}
const unsignedBody = (decodedBytes: number): ChunkedBody => ({
  decodedBytes,
  signing: undefined,
  trailerNames: ['x-amz-checksum-crc32'],
})

describe('signed chunks', () => {
  it.each([1, 2, 7, 86, 8191, 65_536, 1 << 20])(
    'decodes the example of the S3 reference, %i bytes at a time',
    (pieceBytes) => {
      expect(decode(plainBody, example(PLAIN_SIGNATURES), pieceBytes).data.equals(LETTERS)).toBe(true)
    },
  )

  it('refuses every changed bit of a signature, the data or the size', () => {
    const encoded = example(PLAIN_SIGNATURES)
    for (const at of [3, 40, 85, 90, 5000, 65_620, 65_650, 66_000, encoded.length - 40]) {
      const changed = Buffer.from(encoded)
      changed[at]! ^= 1
      expect(codeOf(plainBody, changed)).toMatch(/SignatureDoesNotMatch|InvalidRequest|IncompleteBody/)
    }
  })

  it('refuses a truncated chunk signature', () => {
    const encoded = example(PLAIN_SIGNATURES).toString('latin1').replace(PLAIN_SIGNATURES[0], 'ad80')
    expect(codeOf(plainBody, Buffer.from(encoded, 'latin1'))).toBe('InvalidRequest')
  })

  it('refuses chunks without a signature', () => {
    expect(codeOf(plainBody, '1\r\na\r\n0\r\n\r\n')).toBe('InvalidRequest')
  })

  it('refuses a body cut after any byte', () => {
    const encoded = example(PLAIN_SIGNATURES)
    for (const cut of [0, 1, 50, 87, 88, 65_000, 65_624, 66_800, encoded.length - 3]) {
      expect(codeOf(plainBody, encoded.subarray(0, cut))).toBe('IncompleteBody')
    }
  })

  it('refuses a body that goes on', () => {
    expect(codeOf(plainBody, Buffer.concat([example(PLAIN_SIGNATURES), Buffer.from('x')]))).toBe(
      'IncompleteBody',
    )
  })

  it('refuses a swapped pair of chunks', () => {
    const first = Buffer.alloc(8192, 'a')
    const second = Buffer.alloc(8192, 'b')
    const body: ChunkedBody = { decodedBytes: 16_384, signing: signing(PLAIN_SEED), trailerNames: undefined }
    const encoded = encodeSigned([first, second])
    expect(codeOf(body, encoded)).toBe('accepted')
    const chunkBytes = 4 + 1 + 'chunk-signature='.length + 64 + 2 + 8192 + 2
    const swapped = Buffer.concat([
      encoded.subarray(chunkBytes, 2 * chunkBytes),
      encoded.subarray(0, chunkBytes),
      encoded.subarray(2 * chunkBytes),
    ])
    expect(codeOf(body, swapped)).toBe('SignatureDoesNotMatch')
  })
})

function encodeSigned(chunks: Buffer[]): Buffer {
  let previous = PLAIN_SEED
  const pieces: Buffer[] = []
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
    previous = signText(
      SIGNING_KEY,
      `AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n${previous}\n${hash(Buffer.alloc(0))}\n${hash(chunk)}`,
    )
    pieces.push(
      Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    )
  }
  return Buffer.concat(pieces)
}

describe('signed chunks with a trailer', () => {
  it.each([1, 64, 1 << 20])('decodes the example of the S3 reference, %i bytes at a time', (pieceBytes) => {
    const { data, trailers } = decode(trailerBody, example(TRAILER_SIGNATURES, TRAILER), pieceBytes)
    expect(data.equals(LETTERS)).toBe(true)
    expect(trailers).toEqual({ 'x-amz-checksum-crc32c': 'sOO8/Q==' })
  })

  it.each([
    ['a changed checksum', TRAILER.replace('sOO8', 'sOO9'), 'SignatureDoesNotMatch'],
    ['a forged trailer signature', TRAILER.replace('d81f', 'd81e'), 'SignatureDoesNotMatch'],
    ['no trailer signature', TRAILER.replace(/x-amz-trailer-signature.*\r\n/, ''), 'MalformedTrailerError'],
    ['a header nobody announced', `x-amz-meta-a:b\r\n${TRAILER}`, 'MalformedTrailerError'],
    ['a header after the signature', `${TRAILER}x-amz-checksum-crc32c:sOO8/Q==\r\n`, 'MalformedTrailerError'],
    ['no trailer at all', '', 'MalformedTrailerError'],
    ['an endless trailer', `x-amz-checksum-crc32c:${'A'.repeat(5000)}\r\n`, 'InvalidRequest'],
  ])('refuses %s', (_, trailer, code) => {
    expect(codeOf(trailerBody, example(TRAILER_SIGNATURES, trailer))).toBe(code)
    expect(codeOf(trailerBody, example(TRAILER_SIGNATURES, trailer), 1)).toBe(code)
  })
})

describe('unsigned chunks with a trailer', () => {
  it('decodes any data in any chunks in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        (chunks, pieceBytes) => {
          const whole = Buffer.concat(chunks)
          const encoded = Buffer.concat([
            ...chunks.flatMap((chunk) => [
              Buffer.from(`${chunk.length.toString(16)}\r\n`),
              chunk,
              Buffer.from('\r\n'),
            ]),
            Buffer.from('0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'),
          ])
          const { data, trailers } = decode(unsignedBody(whole.length), encoded, pieceBytes)
          return data.equals(whole) && Object.keys(trailers).length === 1
        },
      ),
    )
  })

  it.each([
    ['more data than announced', '2\r\nab\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', 'IncompleteBody'],
    ['less data than announced', '0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', 'IncompleteBody'],
    ['a size that is no number', 'x\r\na\r\n', 'InvalidRequest'],
    ['a negative size', '-1\r\na\r\n', 'InvalidRequest'],
    ['a size past all bounds', 'ffffffffffffffff\r\na', 'InvalidRequest'],
    ['a header line without end', 'a'.repeat(300), 'InvalidRequest'],
    ['a bare line feed after the size', '1\na\r\n', 'InvalidRequest'],
    ['data longer than its size', '1\r\nab\r\n', 'InvalidRequest'],
    [
      'a signature where none was announced',
      `1;chunk-signature=${'0'.repeat(64)}\r\na\r\n`,
      'InvalidRequest',
    ],
  ])('refuses %s', (_, encoded, code) => {
    expect(codeOf(unsignedBody(1), encoded)).toBe(code)
    expect(codeOf(unsignedBody(1), encoded, 1)).toBe(code)
  })
})
