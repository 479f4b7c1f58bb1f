import { randomBytes } from 'node:crypto'
import { keyArn } from '../arns.ts'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { RegionalKey } from '../state/model.ts'
import { parseCiphertext, sealUnderKey, unsealUnderKey, type CiphertextHeader } from './ciphertext.ts'
import type { Input } from './input.ts'
import { familyOf, requireUsable } from './key.ts'
import { findKey, keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { requireKeyPermission, type KeyRequest } from './permission.ts'

const PLAINTEXT_BYTES_MAX = 4096
const CIPHERTEXT_BYTES_MAX = 6144
const RANDOM_BYTES_MAX = 1024
const ALGORITHMS = {
  max: 64,
  values: ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'],
}
const DATA_KEY_SPECS = { max: 64, values: ['AES_256', 'AES_128'] }

type Context = Readonly<Record<string, string>>

/** Encrypt. */
export const encrypt: KmsOperation = (call, input) => {
  const plaintext = input.bytes('Plaintext', 1, PLAINTEXT_BYTES_MAX)
  const algorithm = input.text('EncryptionAlgorithm', ALGORITHMS) ?? 'SYMMETRIC_DEFAULT'
  const context = input.encryptionContext()
  const key = keyForUse(call, input.keyId(), context, { grantOperation: 'Encrypt' })
  requireSymmetric(call, key, algorithm)
  refuseDryRun(input)
  const blob = sealUnderKey(key, familyOf(call.file.state, key), plaintext, context)
  return { CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: algorithm, KeyId: key.arn }
}

/** Decrypt. */
export const decrypt: KmsOperation = (call, input) => {
  const algorithm = input.text('EncryptionAlgorithm', ALGORITHMS) ?? 'SYMMETRIC_DEFAULT'
  const context = input.encryptionContext()
  const blob = input.bytes('CiphertextBlob', 1, CIPHERTEXT_BYTES_MAX)
  refuseRecipient(input)
  const opened = openBlob(call, blob, context, algorithm, input.optionalKeyId(), {
    grantOperation: 'Decrypt',
  })
  refuseDryRun(input)
  const plaintext = opened.open()
  call.additionalEventData = { keyMaterialId: opened.header.materialId }
  return {
    EncryptionAlgorithm: algorithm,
    KeyId: opened.key.arn,
    KeyMaterialId: opened.header.materialId,
    Plaintext: plaintext.toString('base64'),
  }
}

/** GenerateDataKey. */
export const generateDataKey: KmsOperation = (call, input) => {
  refuseRecipient(input)
  return dataKey(call, input, true)
}

/** GenerateDataKeyWithoutPlaintext. */
export const generateDataKeyWithoutPlaintext: KmsOperation = (call, input) => dataKey(call, input, false)

/** GenerateRandom. */
export const generateRandom: KmsOperation = (_call, input) => {
  refuseRecipient(input)
  const count = input.integer('NumberOfBytes', 1, RANDOM_BYTES_MAX)
  if (count === undefined) throw validationException('NumberOfBytes is required.')
  return { Plaintext: randomBytes(count).toString('base64') }
}

/** ReEncrypt: `kms:ReEncryptFrom` on the source key and `kms:ReEncryptTo` on the destination. */
export const reEncrypt: KmsOperation = (call, input) => {
  const blob = input.bytes('CiphertextBlob', 1, CIPHERTEXT_BYTES_MAX)
  const sourceContext = input.encryptionContext('SourceEncryptionContext')
  const context = input.encryptionContext('DestinationEncryptionContext')
  const sourceAlgorithm = input.text('SourceEncryptionAlgorithm', ALGORITHMS) ?? 'SYMMETRIC_DEFAULT'
  const algorithm = input.text('DestinationEncryptionAlgorithm', ALGORITHMS) ?? 'SYMMETRIC_DEFAULT'
  const source = openBlob(call, blob, sourceContext, sourceAlgorithm, input.optionalKeyId('SourceKeyId'), {
    action: 'kms:ReEncryptFrom',
    grantOperation: 'ReEncryptFrom',
  })
  const key = keyForUse(call, input.keyId('DestinationKeyId'), context, {
    action: 'kms:ReEncryptTo',
    grantOperation: 'ReEncryptTo',
  })
  requireSymmetric(call, key, algorithm)
  refuseDryRun(input)
  const sealed = sealUnderKey(key, familyOf(call.file.state, key), source.open(), context)
  return {
    CiphertextBlob: sealed.toString('base64'),
    DestinationEncryptionAlgorithm: algorithm,
    KeyId: key.arn,
    SourceEncryptionAlgorithm: sourceAlgorithm,
    SourceKeyId: source.key.arn,
  }
}

function dataKey(call: Call, input: Input, withPlaintext: boolean): Record<string, unknown> {
  const count = input.integer('NumberOfBytes', 1, RANDOM_BYTES_MAX)
  const spec = input.text('KeySpec', DATA_KEY_SPECS)
  const context = input.encryptionContext()
  const keyId = input.keyId()
  if ((count === undefined) === (spec === undefined)) {
    throw validationException('Please specify either number of bytes or key spec.')
  }
  const grantOperation = withPlaintext ? 'GenerateDataKey' : 'GenerateDataKeyWithoutPlaintext'
  const key = keyForUse(call, keyId, context, { grantOperation })
  requireSymmetric(call, key, 'SYMMETRIC_DEFAULT')
  refuseDryRun(input)
  const family = familyOf(call.file.state, key)
  const plaintext = randomBytes(count ?? (spec === 'AES_128' ? 16 : 32))
  const blob = sealUnderKey(key, family, plaintext, context)
  call.additionalEventData = { keyMaterialId: family.materials.at(-1)?.id }
  return {
    CiphertextBlob: blob.toString('base64'),
    KeyId: key.arn,
    KeyMaterialId: withPlaintext ? family.materials.at(-1)?.id : undefined,
    Plaintext: withPlaintext ? plaintext.toString('base64') : undefined,
  }
}

/** Finds, authorises and checks the state of a key that a cryptographic call names. */
export function keyForUse(call: Call, reference: string, context: Context, request: KeyRequest): RegionalKey {
  const key = findKey(call, reference, { alias: true, crossAccount: true })
  requireKeyPermission(call, key, {
    ...request,
    encryptionContext: context,
    requestAlias: reference,
    values: { 'kms:encryptionalgorithm': 'SYMMETRIC_DEFAULT', ...request.values },
  })
  requireUsable(key)
  return key
}

/** The key a symmetric blob is under, authorised and usable, and how to open the blob. */
function openBlob(
  call: Call,
  blob: Buffer,
  context: Context,
  algorithm: string,
  reference: string | undefined,
  request: KeyRequest,
): { key: RegionalKey; header: CiphertextHeader; open: () => Buffer } {
  if (reference !== undefined) {
    const named = keyForUse(call, reference, context, request)
    const family = familyOf(call.file.state, named)
    // a key that cannot decrypt at all is reported like a wrong one
    if (family.keyUsage !== 'ENCRYPT_DECRYPT') throw incorrectKey()
    requireSymmetric(call, named, algorithm)
    const header = parseCiphertext(blob)
    if (header.keyId !== named.keyId || header.accountId !== named.accountId) throw incorrectKey()
    return { key: named, header, open: () => unsealUnderKey(family, blob, header, context) }
  }
  const header = parseCiphertext(blob)
  const arn = keyArn(call.region, header.accountId, header.keyId)
  const key = keyByArn(call, arn)
  if (!key) throw unknownCiphertextKey()
  const usable = keyForUse(call, arn, context, request)
  requireSymmetric(call, usable, algorithm)
  const family = familyOf(call.file.state, key)
  return { key, header, open: () => unsealUnderKey(family, blob, header, context) }
}

/** Throws unless the key encrypts, and does so with `algorithm`. */
function requireSymmetric(call: Call, key: RegionalKey, algorithm: string): void {
  const family = familyOf(call.file.state, key)
  if (family.keyUsage !== 'ENCRYPT_DECRYPT') throw wrongUsage(key, family.keyUsage, call.operation)
  if (family.keySpec !== 'SYMMETRIC_DEFAULT' || algorithm !== 'SYMMETRIC_DEFAULT') {
    throw new AwsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${family.keySpec}.`,
    )
  }
}

/** The key exists but is for another purpose. */
export function wrongUsage(key: RegionalKey, usage: string, operation: string): AwsError {
  return new AwsError(
    'InvalidKeyUsageException',
    `${key.arn} key usage is ${usage} which is not valid for ${operation}.`,
  )
}

/** Ends a dry run that would have succeeded. */
export function refuseDryRun(input: Input): void {
  if (input.flag('DryRun')) {
    throw new AwsError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    )
  }
}

function refuseRecipient(input: Input): void {
  if (input.structure('Recipient')) {
    throw new AwsError(
      'UnsupportedOperationException',
      'Recipient (attested enclaves) is not supported here.',
    )
  }
}

function incorrectKey(): AwsError {
  return new AwsError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  )
}

function unknownCiphertextKey(): AwsError {
  return new AwsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you ' +
      'are not allowed to access.',
  )
}
