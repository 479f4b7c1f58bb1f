import type { ChecksumAlgorithm } from '../../protocol/s3/checksum-algorithms.ts'
import { ChunkedDecoder } from '../../protocol/s3/chunked-decoder.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { ObjectChecksum } from '../../protocol/s3/expected-checksums.ts'
import { ChecksumVerifier, readChecksumRequest } from '../../protocol/s3/expected-checksums.ts'
import type { StoreRequest } from './store-request.ts'

const NO_TRAILERS: ReadonlyMap<string, string> = new Map()
const OBJECT_BYTES_MAX = 5 * 1024 ** 3

/**
 * Reads a body to its end, decoded, and verifies chunk signatures and checksums. Resolves after everything held.
 * `fallback` is the checksum to compute when the client sends none.
 */
export async function receiveBody(
  store: StoreRequest,
  take: (data: Buffer) => Promise<void>,
  fallback?: ChecksumAlgorithm,
): Promise<ObjectChecksum | undefined> {
  const { request, verified } = store
  const announced = readChecksumRequest(request.rawHeaders, verified.payload)
  const expectedBytes = bodyBytes(store)
  const verifier = new ChecksumVerifier(announced, fallback)
  const decoder =
    verified.payload.kind === 'chunked'
      ? new ChunkedDecoder({
          decodedBytes: expectedBytes,
          signing: verified.payload.signed
            ? {
                signingKey: verified.signingKey,
                scope: verified.scope,
                timestamp: verified.timestamp,
                seedSignature: verified.signature,
              }
            : undefined,
          trailerNames: announced.trailerNames,
        })
      : undefined
  let received = 0
  const decoded: Buffer[] = []
  // A refusal still has to be sent over the socket, which destroying the request would close.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (decoder === undefined) decoded.push(chunk)
    else decoder.push(chunk, (data) => decoded.push(data))
    for (const data of decoded.splice(0)) {
      received += data.length
      verifier.update(data)
      await take(data)
    }
  }
  const trailers = decoder?.end() ?? NO_TRAILERS
  if (received !== expectedBytes) throw new S3Error('IncompleteBody')
  return verifier.finish(trailers)
}

function bodyBytes(store: StoreRequest): number {
  const chunked = store.verified.payload.kind === 'chunked'
  const text = store.header(chunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (text === undefined) {
    if (store.header('transfer-encoding') === undefined) return 0
    throw new S3Error('MissingContentLength')
  }
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument')
  const bytes = Number(text)
  if (bytes > OBJECT_BYTES_MAX) throw new S3Error('EntityTooLarge', undefined, { ProposedSize: text })
  return bytes
}
