import { AwsError } from '../aws-error.ts'
import { encodeEncryptionContext, seal, unseal } from '../cipher.ts'
import type { KeyFamily, RegionalKey } from '../state/model.ts'

/** First byte of every CiphertextBlob of a symmetric key. */
const VERSION = 1
const MATERIAL_ID_BYTES = 32

/** Which key and material a symmetric CiphertextBlob says it is under. */
export interface CiphertextHeader {
  readonly accountId: string
  readonly keyId: string
  readonly materialId: string
  /** Bytes before the sealed part; they are authenticated with it. */
  readonly headerBytes: number
}

/** CiphertextBlob: version 1, length 1, `account/key id`, material id 32, then the sealed plaintext. */
export function sealUnderKey(
  key: RegionalKey,
  family: KeyFamily,
  plaintext: Uint8Array,
  context: Readonly<Record<string, string>>,
): Buffer {
  const material = family.materials.at(-1)
  if (!material) throw new Error(`key ${key.arn} has no material`)
  const name = Buffer.from(`${key.accountId}/${key.keyId}`, 'latin1')
  const header = Buffer.concat([Buffer.from([VERSION, name.length]), name, Buffer.from(material.id, 'hex')])
  const sealed = seal(Buffer.from(material.bytes, 'base64'), plaintext, associatedData(header, context))
  return Buffer.concat([header, sealed])
}

/** Reads the header; throws `InvalidCiphertextException` for anything this service did not make. */
export function parseCiphertext(blob: Buffer): CiphertextHeader {
  const nameBytes = blob[1] ?? 0
  const headerBytes = 2 + nameBytes + MATERIAL_ID_BYTES
  if (blob[0] !== VERSION || blob.length < headerBytes) throw invalidCiphertext()
  const name = /^(\d{12})\/([0-9a-z-]+)$/.exec(blob.subarray(2, 2 + nameBytes).toString('latin1'))
  if (!name) throw invalidCiphertext()
  return {
    accountId: name[1] ?? '',
    keyId: name[2] ?? '',
    materialId: blob.subarray(2 + nameBytes, headerBytes).toString('hex'),
    headerBytes,
  }
}

/** Opens a blob under the key it names; throws `InvalidCiphertextException` on any mismatch, context included. */
export function unsealUnderKey(
  family: KeyFamily,
  blob: Buffer,
  header: CiphertextHeader,
  context: Readonly<Record<string, string>>,
): Buffer {
  const material = family.materials.find((candidate) => candidate.id === header.materialId)
  if (!material) throw invalidCiphertext()
  const plaintext = unseal(
    Buffer.from(material.bytes, 'base64'),
    blob.subarray(header.headerBytes),
    associatedData(blob.subarray(0, header.headerBytes), context),
  )
  if (!plaintext) throw invalidCiphertext()
  return plaintext
}

/** AWS gives this error no message. */
function invalidCiphertext(): AwsError {
  return new AwsError('InvalidCiphertextException')
}

function associatedData(header: Uint8Array, context: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat([header, encodeEncryptionContext(context)])
}
