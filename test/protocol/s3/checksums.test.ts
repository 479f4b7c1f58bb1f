import { createHash, randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChecksumAlgorithm } from '../../../src/protocol/s3/checksum-algorithms.ts'
import { CHECKSUM_ALGORITHMS, startChecksum } from '../../../src/protocol/s3/checksum-algorithms.ts'
import { combineCrcs, isCombinable } from '../../../src/protocol/s3/crc-combine.ts'
import { S3Error } from '../../../src/protocol/s3/errors.ts'
import { ChecksumVerifier, readChecksumRequest } from '../../../src/protocol/s3/expected-checksums.ts'

const NO_TRAILERS: ReadonlyMap<string, string> = new Map()
const UNSIGNED = { kind: 'unsigned' } as const
const TRAILER = { kind: 'chunked', signed: false, trailer: true } as const

function checksum(algorithm: ChecksumAlgorithm, data: Uint8Array): Buffer {
  const running = startChecksum(algorithm)
  running.update(data)
  return running.digest()
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof S3Error) return thrown.s3Code
    throw thrown
  }
  return 'accepted'
}

describe('checksum algorithms', () => {
  // Check values of "123456789" from the CRC catalogue; SHA from FIPS 180-4 implementations.
  it.each([
    ['CRC32', 'cbf43926'],
    ['CRC32C', 'e3069283'],
    ['CRC64NVME', 'ae8b14860a799888'],
    ['SHA1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['SHA256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ] as const)('%s gives its check value', (algorithm, hex) => {
    expect(checksum(algorithm, Buffer.from('123456789')).toString('hex')).toBe(hex)
  })

  it('CRC32C gives the figures of RFC 3720 appendix B.4', () => {
    const hex = (data: number[]): string => checksum('CRC32C', Uint8Array.from(data)).toString('hex')
    expect(hex(Array.from({ length: 32 }, () => 0))).toBe('8a9136aa')
    expect(hex(Array.from({ length: 32 }, () => 0xff))).toBe('62a8ab43')
    expect(hex(Array.from({ length: 32 }, (_, index) => index))).toBe('46dd794e')
  })

  it.each(CHECKSUM_ALGORITHMS)('%s does not depend on how the data is cut', (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 9 }), (pieces) => {
        const running = startChecksum(algorithm)
        for (const piece of pieces) running.update(piece)
        return running.digest().equals(checksum(algorithm, Buffer.concat(pieces)))
      }),
    )
  })

  it('CRCs of parts combine into the CRC of the whole', () => {
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      if (!isCombinable(algorithm)) continue
      const parts = [5000, 1, 0, 70_001, 5000].map((bytes) => randomBytes(bytes))
      const combined = combineCrcs(
        algorithm,
        parts.map((part) => ({ value: checksum(algorithm, part), bytes: part.length })),
      )
      expect(combined.equals(checksum(algorithm, Buffer.concat(parts)))).toBe(true)
    }
  })
})

describe('checksums that a client announces', () => {
  const data = randomBytes(1000)
  const md5 = createHash('md5').update(data).digest('base64')

  it.each(CHECKSUM_ALGORITHMS)('verifies %s in a header and gives it back', (algorithm) => {
    const value = checksum(algorithm, data)
    const name = `X-Amz-Checksum-${algorithm.toLowerCase()}`
    const verifier = new ChecksumVerifier(readChecksumRequest([name, value.toString('base64')], UNSIGNED))
    verifier.update(data)
    expect(verifier.finish(NO_TRAILERS)).toEqual({ algorithm, value })
    value[0]! ^= 1
    const wrong = new ChecksumVerifier(readChecksumRequest([name, value.toString('base64')], UNSIGNED))
    wrong.update(data)
    expect(codeOf(() => wrong.finish(NO_TRAILERS))).toBe('BadDigest')
  })

  it('verifies a checksum in the trailer', () => {
    const request = readChecksumRequest(['x-amz-trailer', 'x-amz-checksum-crc64nvme'], TRAILER)
    expect(request.trailerNames).toEqual(['x-amz-checksum-crc64nvme'])
    const finish = (value: string): unknown => {
      const verifier = new ChecksumVerifier(request)
      verifier.update(data)
      return verifier.finish(new Map([['x-amz-checksum-crc64nvme', value]]))
    }
    const right = checksum('CRC64NVME', data).toString('base64')
    expect(finish(right)).toMatchObject({ algorithm: 'CRC64NVME' })
    expect(codeOf(() => finish('AAAAAAAAAAA='))).toBe('BadDigest')
    expect(codeOf(() => finish('AAAA'))).toBe('InvalidRequest')
  })

  it('verifies Content-MD5 and the signed payload hash', () => {
    const sha256 = createHash('sha256').update(data).digest('hex')
    const run = (body: Uint8Array, digest: string): string =>
      codeOf(() => {
        const request = readChecksumRequest(['Content-MD5', digest], { kind: 'digest', sha256 })
        const verifier = new ChecksumVerifier(request)
        verifier.update(body)
        verifier.finish(NO_TRAILERS)
      })
    expect(run(data, md5)).toBe('accepted')
    expect(run(data, createHash('md5').update('other').digest('base64'))).toBe('BadDigest')
    const altered = Buffer.from('altered')
    expect(run(altered, createHash('md5').update(altered).digest('base64'))).toBe('XAmzContentSHA256Mismatch')
  })

  it.each([
    ['a Content-MD5 of the wrong length', ['content-md5', 'AAAA'], 'InvalidDigest'],
    ['a Content-MD5 that is no base64', ['content-md5', '!!!!'], 'InvalidDigest'],
    ['a checksum of the wrong length', ['x-amz-checksum-sha256', 'AAAA'], 'InvalidRequest'],
    ['two checksums', ['x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-checksum-sha1', 'A'], 'InvalidRequest'],
    ['an unknown algorithm', ['x-amz-sdk-checksum-algorithm', 'ADLER32'], 'InvalidRequest'],
    [
      'another algorithm than announced',
      ['x-amz-sdk-checksum-algorithm', 'SHA1', 'x-amz-checksum-crc32', 'AAAAAA=='],
      'InvalidRequest',
    ],
    ['a trailer that is no checksum', ['x-amz-trailer', 'x-amz-meta-a'], 'InvalidRequest'],
  ])('refuses %s', (_, headers, code) => {
    expect(codeOf(() => readChecksumRequest(headers, TRAILER))).toBe(code)
  })
})
