import { S3Error } from './errors.ts'

/** How a body is protected, from `x-amz-content-sha256`. */
export type PayloadMode = (
  | { readonly kind: 'unsigned' }
  /** SHA-256 of the whole body, 64 lower-case hex digits. */
  | { readonly kind: 'digest'; readonly sha256: string }
  /** aws-chunked: `signed` chunks carry signatures, `trailer` adds trailing headers. */
  | { readonly kind: 'chunked'; readonly signed: boolean; readonly trailer: boolean }
) & {
  /** False where the checksum headers are not about the body. */
  readonly checksums?: false
}

/** Reads the value of `x-amz-content-sha256`. Throws `InvalidArgument` for one that S3 does not know. */
export function parsePayloadMode(value: string): PayloadMode {
  switch (value) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', signed: true, trailer: false }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', signed: true, trailer: true }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', signed: false, trailer: true }
    default:
      if (/^[0-9a-f]{64}$/i.test(value)) return { kind: 'digest', sha256: value.toLowerCase() }
      throw new S3Error(
        'InvalidArgument',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
        { ArgumentName: 'x-amz-content-sha256' },
      )
  }
}
