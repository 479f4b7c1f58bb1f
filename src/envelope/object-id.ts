import { sha256 } from '../crypto/digest.ts'
import { lengthPrefixed } from './context.ts'
import { OBJECT_ID_BYTES } from './header.ts'

const LABEL = lengthPrefixed(Buffer.from('portcullis/upload/v1'))

/**
 * Object identifier (16 bytes) of all parts of one multipart upload, computed by any replica from the upload identifier
 * that the client sends with each part (docs/SPEC.md section 6.6).
 */
export function partsObjectId(uploadId: string): Buffer {
  return Buffer.from(
    sha256(Buffer.concat([LABEL, Buffer.from(uploadId, 'utf8')])).subarray(0, OBJECT_ID_BYTES),
  )
}
