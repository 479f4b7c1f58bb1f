import type { RawHeaders } from '../../wire/raw-headers.ts'
import { headerValue } from '../../wire/raw-headers.ts'
import type { ChecksumAlgorithm, RunningChecksum } from './checksum-algorithms.ts'
import {
  algorithmNamed,
  algorithmOfHeader,
  CHECKSUM_ALGORITHMS,
  CHECKSUM_BYTES,
  checksumHeader,
  startChecksum,
} from './checksum-algorithms.ts'
import { S3Error } from './errors.ts'
import type { PayloadMode } from './payload-mode.ts'
import { signaturesEqual } from './signing-key.ts'

/** The checksum of an object's whole content. */
export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly value: Buffer
}

/** What a client says its body must digest to. */
export interface ChecksumRequest {
  readonly contentMd5: Buffer | undefined
  readonly bodySha256: string | undefined
  /** The one flexible checksum, with its value unless that comes in the trailer. */
  readonly flexible: { readonly algorithm: ChecksumAlgorithm; readonly value: Buffer | undefined } | undefined
  /** Lower-case names announced by `x-amz-trailer`; undefined when the payload mode has no trailer. */
  readonly trailerNames: readonly string[] | undefined
}

/**
 * Reads `Content-MD5`, `x-amz-checksum-*`, `x-amz-sdk-checksum-algorithm` and `x-amz-trailer`.
 * Throws `InvalidDigest` or `InvalidRequest` as S3 does.
 */
export function readChecksumRequest(headers: RawHeaders, payload: PayloadMode): ChecksumRequest {
  const trailerNames = payload.kind === 'chunked' && payload.trailer ? trailerNamesOf(headers) : undefined
  const sent = CHECKSUM_ALGORITHMS.filter((algorithm) => {
    return payload.checksums !== false && headerValue(headers, checksumHeader(algorithm)) !== undefined
  })
  const trailing = (trailerNames ?? []).map((name) => {
    const algorithm = algorithmOfHeader(name)
    if (algorithm === undefined) {
      throw new S3Error('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported')
    }
    return algorithm
  })
  if (sent.length + trailing.length > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  }
  const algorithm = sent[0] ?? trailing[0]
  assertAnnounced(headerValue(headers, 'x-amz-sdk-checksum-algorithm'), algorithm)
  const value = sent[0] === undefined ? undefined : headerValue(headers, checksumHeader(sent[0]))
  return {
    contentMd5: contentMd5Of(headers),
    bodySha256: payload.kind === 'digest' ? payload.sha256 : undefined,
    flexible:
      algorithm === undefined
        ? undefined
        : { algorithm, value: value === undefined ? undefined : checksumValue(algorithm, value) },
    trailerNames,
  }
}

/** Bytes of a checksum in base64. Throws `InvalidRequest` unless it has the algorithm's length. */
export function checksumValue(algorithm: ChecksumAlgorithm, base64: string): Buffer {
  const value = decodeBase64(base64)
  if (value?.length !== CHECKSUM_BYTES[algorithm]) {
    throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`)
  }
  return value
}

/** Digests a plaintext body as it passes and compares it with what the client announced. */
export class ChecksumVerifier {
  readonly #request: ChecksumRequest
  readonly #md5: RunningChecksum | undefined
  readonly #sha256: RunningChecksum | undefined
  readonly #flexible: RunningChecksum | undefined
  readonly #algorithm: ChecksumAlgorithm | undefined

  /** `fallback` is computed when the client names no flexible checksum, for the answer of a later read. */
  constructor(request: ChecksumRequest, fallback?: ChecksumAlgorithm) {
    this.#request = request
    const algorithm = request.flexible?.algorithm ?? fallback
    this.#md5 = request.contentMd5 === undefined ? undefined : startChecksum('MD5')
    this.#sha256 = request.bodySha256 === undefined ? undefined : startChecksum('SHA256')
    this.#flexible = algorithm === undefined ? undefined : startChecksum(algorithm)
    this.#algorithm = algorithm
  }

  update(data: Uint8Array): void {
    this.#md5?.update(data)
    this.#sha256?.update(data)
    this.#flexible?.update(data)
  }

  /**
   * Compares everything; returns the object's checksum if there is one.
   * Throws `BadDigest` or `XAmzContentSHA256Mismatch`.
   */
  finish(trailers: ReadonlyMap<string, string>): ObjectChecksum | undefined {
    const { contentMd5, bodySha256, flexible } = this.#request
    if (contentMd5 !== undefined && !contentMd5.equals(this.#md5!.digest())) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.')
    }
    if (bodySha256 !== undefined && !signaturesEqual(this.#sha256!.digest().toString('hex'), bodySha256)) {
      throw new S3Error('XAmzContentSHA256Mismatch')
    }
    if (this.#flexible === undefined || this.#algorithm === undefined) return undefined
    const value = this.#flexible.digest()
    const algorithm = this.#algorithm
    if (flexible !== undefined) {
      const header = checksumHeader(algorithm)
      const expected = flexible.value ?? checksumValue(algorithm, trailers.get(header) ?? '')
      if (!expected.equals(value)) {
        throw new S3Error(
          'BadDigest',
          `The ${algorithm} you specified did not match the calculated checksum.`,
        )
      }
    }
    return { algorithm, value }
  }
}

function trailerNamesOf(headers: RawHeaders): string[] {
  const announced = headerValue(headers, 'x-amz-trailer')
  if (announced === undefined) return []
  return announced
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

function assertAnnounced(named: string | undefined, present: ChecksumAlgorithm | undefined): void {
  if (named === undefined) return
  const algorithm = algorithmNamed(named)
  if (algorithm === undefined) {
    throw new S3Error('InvalidRequest', `Value for x-amz-sdk-checksum-algorithm header is invalid.`)
  }
  if (present !== undefined && present !== algorithm) {
    throw new S3Error('InvalidRequest', `Value for x-amz-sdk-checksum-algorithm header is invalid.`)
  }
}

function contentMd5Of(headers: RawHeaders): Buffer | undefined {
  const header = headerValue(headers, 'content-md5')
  if (header === undefined) return undefined
  const value = decodeBase64(header)
  if (value?.length !== 16) throw new S3Error('InvalidDigest')
  return value
}

function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]{1,86}={0,2}$/.test(text) || text.length % 4 !== 0) return undefined
  return Buffer.from(text, 'base64')
}
