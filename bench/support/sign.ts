import { signRequest } from '../../src/protocol/s3/sign-request.ts'

/** SHA-256 of nothing. */
export const emptyPayloadHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Headers of an S3 request with its signature. */
export function signed(
  request: {
    readonly method: string
    readonly path: string
    readonly url: string
    readonly headers: string[]
    readonly payload: string
  },
  credential: { readonly accessKeyId: string; readonly secretAccessKey: string },
  region: string,
): string[] {
  const { method, path, url, headers, payload } = request
  const host = new URL(url).host
  return signRequest(
    { method, path, query: '', host, headers, payloadHash: payload },
    credential,
    region,
    Date.now(),
  )
}
