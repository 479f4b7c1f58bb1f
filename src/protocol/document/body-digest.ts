import { createHash, type Hash, timingSafeEqual } from 'node:crypto'
import { PortcullisError } from '../../errors.ts'
import type { RawHeaders } from '../../wire/raw-headers.ts'

/** Fields that describe the exact bytes of a body, and so are untrue behind a transform. */
export const DIGEST_HEADERS = new Set([
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'want-digest',
  'want-content-digest',
  'want-repr-digest',
])

const ALGORITHMS = new Map([
  ['md5', 'md5'],
  ['sha', 'sha1'],
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

interface Expectation {
  readonly hash: Hash
  readonly digest: Buffer
}

/**
 * Verifies the digests a client sent with its body: Content-MD5 (RFC 1864), Digest (RFC 3230),
 * Content-Digest and Repr-Digest (RFC 9530). Unknown algorithms are passed over, as those documents ask.
 */
export class BodyDigest {
  readonly #expectations: Expectation[]

  private constructor(expectations: Expectation[]) {
    this.#expectations = expectations
  }

  /** The verifier for a request's headers; undefined when no digest was sent. */
  static of(headers: RawHeaders): BodyDigest | undefined {
    let expectations: Expectation[] | undefined
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]!.toLowerCase()
      if (!DIGEST_HEADERS.has(name) || name.startsWith('want-')) continue
      expectations = [...(expectations ?? []), ...parse(name, headers[index + 1]!)]
    }
    return expectations === undefined || expectations.length === 0 ? undefined : new BodyDigest(expectations)
  }

  update(chunk: Uint8Array): void {
    for (const { hash } of this.#expectations) hash.update(chunk)
  }

  /** Throws `integrity-mismatch` unless every digest matches what was read. */
  verify(): void {
    for (const { hash, digest } of this.#expectations) {
      const actual = hash.digest()
      if (actual.length !== digest.length || !timingSafeEqual(actual, digest)) {
        throw new PortcullisError('integrity-mismatch', 'The body does not match the digest sent with it.')
      }
    }
  }
}

function parse(name: string, value: string): Expectation[] {
  if (name === 'content-md5') return [expectation('md5', value)]
  return value.split(',').flatMap((member) => {
    const [, algorithm = '', digest = ''] = /^\s*([\w-]+)=:?([A-Za-z0-9+/=]+?):?\s*$/.exec(member) ?? []
    const known = ALGORITHMS.get(algorithm.toLowerCase())
    return known === undefined ? [] : [expectation(known, digest)]
  })
}

function expectation(algorithm: string, base64: string): Expectation {
  return { hash: createHash(algorithm), digest: Buffer.from(base64.trim(), 'base64') }
}
