import { constants, createDecipheriv, createPrivateKey, privateDecrypt } from 'node:crypto'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { seal, sha256Hex, unseal } from '../cipher.ts'
import type { KeyFamily, KeyMaterial, RegionalKey } from '../state/model.ts'
import { isOfSpec, newKeyPair } from './asymmetric.ts'
import type { Input } from './input.ts'
import { familyOf, invalidState, requireNotPendingDeletion } from './key.ts'
import { ownKey } from './keys.ts'
import type { KmsOperation } from './operation.ts'
import { wrongOrigin } from './rotation.ts'

const TOKEN_LABEL = Buffer.from('local-aws/import-token')
const PARAMETERS_LIFETIME_MS = 86_400_000
const MATERIAL_BYTES_MAX = 6144
const TOKEN_BYTES_MAX = 6144
const WRAPPING_ALGORITHMS = {
  max: 64,
  values: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'RSA_AES_KEY_WRAP_SHA_1', 'RSA_AES_KEY_WRAP_SHA_256'],
}
const WRAPPING_KEY_SPECS = { max: 64, values: ['RSA_2048', 'RSA_3072', 'RSA_4096'] }
/** Alternative initial value of AES key wrap with padding (RFC 5649 section 3), first half. */
const KEY_WRAP_PADDING_IV = Buffer.from('a65959a6', 'hex')

interface ImportClaims {
  readonly keyArn: string
  readonly algorithm: string
  readonly wrappingKeyBytes: number
  /** PKCS #8 DER, base64. */
  readonly privateKey: string
  readonly expiresAt: number
}

/** GetParametersForImport: the token carries the wrapping key, sealed, so nothing is stored. */
export const getParametersForImport: KmsOperation = async (call, input) => {
  const algorithm = input.requiredText('WrappingAlgorithm', WRAPPING_ALGORITHMS)
  const spec = input.requiredText('WrappingKeySpec', WRAPPING_KEY_SPECS)
  const { key } = externalKey(call, input)
  const pair = await newKeyPair(spec)
  const claims: ImportClaims = {
    keyArn: key.arn,
    algorithm,
    wrappingKeyBytes: Number(spec.slice('RSA_'.length)) / 8,
    privateKey: pair.privateKey.toString('base64'),
    expiresAt: call.nowMs + PARAMETERS_LIFETIME_MS,
  }
  const token = seal(tokenKey(call), Buffer.from(JSON.stringify(claims)), TOKEN_LABEL)
  return {
    ImportToken: token.toString('base64'),
    KeyId: key.arn,
    ParametersValidTo: claims.expiresAt / 1000,
    PublicKey: pair.publicKey.toString('base64'),
  }
}

/** ImportKeyMaterial; expiring material is not supported and refused clearly. */
export const importKeyMaterial: KmsOperation = (call, input) => {
  const tokenBytes = input.bytes('ImportToken', 1, TOKEN_BYTES_MAX)
  const encrypted = input.bytes('EncryptedKeyMaterial', 1, MATERIAL_BYTES_MAX)
  const importType = input.text('ImportType', {
    max: 32,
    values: ['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL'],
  })
  requireNoExpiry(input)
  const { key, family } = externalKey(call, input)
  const claims = readToken(call, tokenBytes, key)
  const bytes = unwrapMaterial(claims, encrypted)
  if (!bytes || !fits(family.keySpec, bytes)) throw new AwsError('IncorrectKeyMaterialException')
  const id = sha256Hex(Buffer.concat([Buffer.from(key.arn), bytes]))
  const material: KeyMaterial = {
    id,
    bytes: bytes.toString('base64'),
    createdAt: call.nowMs,
    rotationType: undefined,
  }
  if (importType === 'NEW_KEY_MATERIAL' && family.materials.length > 0) {
    addPendingMaterial(key, family, material)
  } else {
    restoreMaterial(key, family, material)
  }
  call.file.touch()
  return { KeyId: key.arn, KeyMaterialId: family.keySpec === 'SYMMETRIC_DEFAULT' ? id : undefined }
}

/** DeleteImportedKeyMaterial: the key falls back to `PendingImport`, its material ids stay known. */
export const deleteImportedKeyMaterial: KmsOperation = (call, input) => {
  const { key, family } = externalKey(call, input)
  family.materials = family.materials.map((material) => ({ ...material, bytes: '' }))
  key.status = 'PendingImport'
  call.file.touch()
  return { KeyId: key.arn, KeyMaterialId: family.materials.at(-1)?.id }
}

function externalKey(call: Call, input: Input): { key: RegionalKey; family: KeyFamily } {
  const key = ownKey(call, input)
  const family = familyOf(call.file.state, key)
  if (family.origin !== 'EXTERNAL') throw wrongOrigin(key, family)
  if (family.multiRegion) {
    throw new AwsError(
      'UnsupportedOperationException',
      'Import into multi-region keys is not supported here.',
    )
  }
  requireNotPendingDeletion(key)
  if (key.status === 'Creating') throw invalidState(key)
  return { key, family }
}

function requireNoExpiry(input: Input): void {
  const values = ['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE']
  if (input.text('ExpirationModel', { max: 32, values }) === 'KEY_MATERIAL_DOES_NOT_EXPIRE') return
  if (!input.has('ValidTo')) {
    throw validationException('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
  }
  throw new AwsError('UnsupportedOperationException', 'Expiring key material is not supported here.')
}

function readToken(call: Call, bytes: Buffer, key: RegionalKey): ImportClaims {
  const opened = unseal(tokenKey(call), bytes, TOKEN_LABEL)
  const claims = opened && (JSON.parse(opened.toString('utf8')) as ImportClaims)
  if (!claims || claims.keyArn !== key.arn) throw new AwsError('InvalidImportTokenException')
  if (claims.expiresAt <= call.nowMs) throw new AwsError('ExpiredImportTokenException')
  return claims
}

function tokenKey(call: Call): Buffer {
  return Buffer.from(call.file.state.tokenKey, 'base64')
}

/** RSAES-OAEP directly, or an AES key under it that wraps the material (RFC 5649). */
function unwrapMaterial(claims: ImportClaims, encrypted: Buffer): Buffer | undefined {
  const key = createPrivateKey({
    key: Buffer.from(claims.privateKey, 'base64'),
    format: 'der',
    type: 'pkcs8',
  })
  const oaepHash = claims.algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  const options = { key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }
  try {
    if (claims.algorithm.startsWith('RSAES_')) return privateDecrypt(options, encrypted)
    const wrappingKey = privateDecrypt(options, encrypted.subarray(0, claims.wrappingKeyBytes))
    const decipher = createDecipheriv('id-aes256-wrap-pad', wrappingKey, KEY_WRAP_PADDING_IV)
    return Buffer.concat([decipher.update(encrypted.subarray(claims.wrappingKeyBytes)), decipher.final()])
  } catch {
    return undefined
  }
}

function fits(spec: string, bytes: Buffer): boolean {
  if (spec === 'SYMMETRIC_DEFAULT') return bytes.length === 32
  if (spec.startsWith('HMAC_')) return bytes.length * 8 === Number(spec.slice('HMAC_'.length))
  return isOfSpec(bytes, spec)
}

function addPendingMaterial(key: RegionalKey, family: KeyFamily, material: KeyMaterial): void {
  if (family.keySpec !== 'SYMMETRIC_DEFAULT') throw new AwsError('UnsupportedOperationException')
  if (family.pendingMaterial && family.pendingMaterial.id !== material.id) {
    throw new AwsError(
      'KMSInvalidStateException',
      `New key material (id: ${material.id}) cannot be imported into KMS key ${key.arn}, because another key ` +
        `material (id: ${family.pendingMaterial.id}) is pending rotation.`,
    )
  }
  family.pendingMaterial = material
}

/** First import, or the same material again after its deletion. */
function restoreMaterial(key: RegionalKey, family: KeyFamily, material: KeyMaterial): void {
  const known = family.materials.findIndex((other) => other.id === material.id)
  if (known < 0 && family.materials.length > 0) throw new AwsError('IncorrectKeyMaterialException')
  if (known < 0) family.materials.push(material)
  else family.materials[known] = { ...family.materials[known], ...material }
  if (family.materials.every((other) => other.bytes !== '') && key.status === 'PendingImport')
    key.status = 'Enabled'
}
