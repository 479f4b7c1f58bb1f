import { isBucketName } from './address.ts'
import { S3Error } from './errors.ts'
import { decodeText } from './uri-encoding.ts'

/** What `x-amz-copy-source` names. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
}

/**
 * Reads `x-amz-copy-source`: `[/]bucket/key[?versionId=…]`, percent-encoded.
 * Throws `InvalidArgument`; access point ARNs are not known here.
 */
export function parseCopySource(header: string): CopySource {
  const question = header.lastIndexOf('?versionId=')
  const versionId = question === -1 ? undefined : header.slice(question + '?versionId='.length)
  const decoded = decodeText(question === -1 ? header : header.slice(0, question))
  const name = decoded.startsWith('/') ? decoded.slice(1) : decoded
  const slash = name.indexOf('/')
  const bucket = name.slice(0, Math.max(slash, 0))
  const key = name.slice(slash + 1)
  if (slash < 1 || key === '' || !isBucketName(bucket) || Buffer.byteLength(key) > 1024) {
    throw new S3Error(
      'InvalidArgument',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      {
        ArgumentName: 'x-amz-copy-source',
      },
    )
  }
  return { bucket, key, versionId }
}
