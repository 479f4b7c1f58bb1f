import { randomBytes } from 'node:crypto'
import { keyArn } from '../arns.ts'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { decryptOaep, encryptOaep, newKeyPair, privateKeyOf } from './asymmetric.ts'
import { parseCiphertext, sealUnderKey, unsealUnderKey } from './ciphertext.ts'
import { refuseDryRun } from './dry-run.ts'
import type { Input } from './input.ts'
import { keyForUse, requireUsage, type UsableKey } from './key-use.ts'
import { keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import type { KeyRequest } from './permission.ts'
import { keySpec } from './specs.ts'

const PLAINTEXT_BYTES_MAX = 4096
const CIPHERTEXT_BYTES_MAX = 6144
const RANDOM_BYTES_MAX = 1024
const SYMMETRIC = 'SYMMETRIC_DEFAULT'
const ALGORITHMS = { max: 64, values: [SYMMETRIC, 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] }
const DATA_KEY_SPECS = { max: 64, values: ['AES_256', 'AES_128'] }
const KEY_PAIR_SPECS = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
]

type Context = Readonly<Record<string, string>>

/** Encrypt. */
export const encrypt: KmsOperation = (call, input) => {
  const plaintext = input.bytes('Plaintext', 1, PLAINTEXT_BYTES_MAX)
  const algorithm = input.text('EncryptionAlgorithm', ALGORITHMS) ?? SYMMETRIC
  const context = input.encryptionContext()
  const usable = encryptingKey(call, input.keyId(), algorithm, context, { grantOperation: 'Encrypt' })
  refuseDryRun(input)
  const blob = encryptWith(usable, algorithm, plaintext, context)
  return { CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: algorithm, KeyId: usable.key.arn }
}

/** Decrypt. */
export const decrypt: KmsOperation = (call, input) => {
  const algorithm = input.text('EncryptionAlgorithm', ALGORITHMS) ?? SYMMETRIC
  const context = input.encryptionContext()
  const blob = input.bytes('CiphertextBlob', 1, CIPHERTEXT_BYTES_MAX)
  refuseRecipient(input)
  const opened = openBlob(call, blob, context, algorithm, input.optionalKeyId(), {
    grantOperation: 'Decrypt',
  })
  refuseDryRun(input)
  const plaintext = opened.open()
  if (opened.materialId !== undefined) call.additionalEventData = { keyMaterialId: opened.materialId }
  return {
    EncryptionAlgorithm: algorithm,
    KeyId: opened.keyArn,
    KeyMaterialId: opened.materialId,
    Plaintext: plaintext.toString('base64'),
  }
}

/** ReEncrypt: `kms:ReEncryptFrom` on the source key and `kms:ReEncryptTo` on the destination. */
export const reEncrypt: KmsOperation = (call, input) => {
  const blob = input.bytes('CiphertextBlob', 1, CIPHERTEXT_BYTES_MAX)
  const sourceContext = input.encryptionContext('SourceEncryptionContext')
  const context = input.encryptionContext('DestinationEncryptionContext')
  const sourceAlgorithm = input.text('SourceEncryptionAlgorithm', ALGORITHMS) ?? SYMMETRIC
  const algorithm = input.text('DestinationEncryptionAlgorithm', ALGORITHMS) ?? SYMMETRIC
  const source = openBlob(call, blob, sourceContext, sourceAlgorithm, input.optionalKeyId('SourceKeyId'), {
    action: 'kms:ReEncryptFrom',
    grantOperation: 'ReEncryptFrom',
  })
  const usable = encryptingKey(call, input.keyId('DestinationKeyId'), algorithm, context, {
    action: 'kms:ReEncryptTo',
    grantOperation: 'ReEncryptTo',
  })
  refuseDryRun(input)
  return {
    CiphertextBlob: encryptWith(usable, algorithm, source.open(), context).toString('base64'),
    DestinationEncryptionAlgorithm: algorithm,
    KeyId: usable.key.arn,
    SourceEncryptionAlgorithm: sourceAlgorithm,
    SourceKeyId: source.keyArn,
  }
}

/** GenerateDataKey. */
export const generateDataKey: KmsOperation = (call, input) => {
  refuseRecipient(input)
  return dataKey(call, input, true)
}

/** GenerateDataKeyWithoutPlaintext. */
export const generateDataKeyWithoutPlaintext: KmsOperation = (call, input) => dataKey(call, input, false)

/** GenerateDataKeyPair. */
export const generateDataKeyPair: KmsOperation = (call, input) => {
  refuseRecipient(input)
  return dataKeyPair(call, input, true)
}

/** GenerateDataKeyPairWithoutPlaintext. */
export const generateDataKeyPairWithoutPlaintext: KmsOperation = (call, input) =>
  dataKeyPair(call, input, false)

/** GenerateRandom. */
export const generateRandom: KmsOperation = (_call, input) => {
  refuseRecipient(input)
  const count = input.integer('NumberOfBytes', 1, RANDOM_BYTES_MAX)
  if (count === undefined) throw validationException('NumberOfBytes is required.')
  return { Plaintext: randomBytes(count).toString('base64') }
}

function dataKey(call: Call, input: Input, withPlaintext: boolean): Record<string, unknown> {
  const count = input.integer('NumberOfBytes', 1, RANDOM_BYTES_MAX)
  const spec = input.text('KeySpec', DATA_KEY_SPECS)
  const context = input.encryptionContext()
  const keyId = input.keyId()
  if ((count === undefined) === (spec === undefined)) {
    throw validationException('Please specify either number of bytes or key spec.')
  }
  const usable = encryptingKey(call, keyId, SYMMETRIC, context, { grantOperation: call.operation })
  refuseDryRun(input)
  const plaintext = randomBytes(count ?? (spec === 'AES_128' ? 16 : 32))
  call.additionalEventData = { keyMaterialId: usable.family.materials.at(-1)?.id }
  return {
    CiphertextBlob: encryptWith(usable, SYMMETRIC, plaintext, context).toString('base64'),
    KeyId: usable.key.arn,
    Plaintext: withPlaintext ? plaintext.toString('base64') : undefined,
  }
}

async function dataKeyPair(
  call: Call,
  input: Input,
  withPlaintext: boolean,
): Promise<Record<string, unknown>> {
  const spec = input.requiredText('KeyPairSpec', { max: 64, values: KEY_PAIR_SPECS })
  const context = input.encryptionContext()
  const usable = encryptingKey(call, input.keyId(), SYMMETRIC, context, {
    grantOperation: call.operation,
    values: { 'kms:datakeypairspec': spec },
  })
  refuseDryRun(input)
  const { privateKey, publicKey } = await newKeyPair(spec)
  return {
    KeyId: usable.key.arn,
    KeyPairSpec: spec,
    PrivateKeyCiphertextBlob: encryptWith(usable, SYMMETRIC, privateKey, context).toString('base64'),
    PrivateKeyPlaintext: withPlaintext ? privateKey.toString('base64') : undefined,
    PublicKey: publicKey.toString('base64'),
  }
}

function encryptingKey(
  call: Call,
  reference: string,
  algorithm: string,
  context: Context,
  request: KeyRequest,
): UsableKey {
  const usable = keyForUse(call, reference, withContext(request, algorithm, context))
  requireUsage(call, usable, 'ENCRYPT_DECRYPT', algorithm, keySpec(usable.family.keySpec).encryption)
  return usable
}

function encryptWith(
  { key, family }: UsableKey,
  algorithm: string,
  plaintext: Uint8Array,
  context: Context,
): Buffer {
  return algorithm === SYMMETRIC
    ? sealUnderKey(key, family, plaintext, context)
    : encryptOaep(family, algorithm, plaintext)
}

/** What a blob is under, authorised and usable, and how to open it. */
interface OpenableBlob {
  readonly keyArn: string
  readonly materialId: string | undefined
  readonly open: () => Buffer
}

function openBlob(
  call: Call,
  blob: Buffer,
  context: Context,
  algorithm: string,
  reference: string | undefined,
  request: KeyRequest,
): OpenableBlob {
  if (algorithm !== SYMMETRIC && reference === undefined) {
    throw validationException('KeyId is required for asymmetric ciphertext.')
  }
  const named = reference === undefined ? arnInBlob(call, blob) : reference
  const usable = keyForUse(call, named, withContext(request, algorithm, context))
  const { key, family } = usable
  // a key that cannot decrypt at all is reported like a wrong one
  if (family.keyUsage !== 'ENCRYPT_DECRYPT') throw incorrectKey()
  requireUsage(call, usable, 'ENCRYPT_DECRYPT', algorithm, keySpec(family.keySpec).encryption)
  if (algorithm !== SYMMETRIC) {
    return {
      keyArn: key.arn,
      materialId: undefined,
      open: () => decryptOaep(privateKeyOf(family), algorithm, blob),
    }
  }
  const header = parseCiphertext(blob)
  if (header.keyId !== key.keyId || header.accountId !== key.accountId) throw incorrectKey()
  return {
    keyArn: key.arn,
    materialId: header.materialId,
    open: () => unsealUnderKey(family, blob, header, context),
  }
}

function arnInBlob(call: Call, blob: Buffer): string {
  const header = parseCiphertext(blob)
  const arn = keyArn(call.region, header.accountId, header.keyId)
  if (keyByArn(call, arn)) return arn
  throw new AwsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you ' +
      'are not allowed to access.',
  )
}

function withContext(request: KeyRequest, algorithm: string, encryptionContext: Context): KeyRequest {
  return {
    ...request,
    encryptionContext,
    values: { 'kms:encryptionalgorithm': algorithm, ...request.values },
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
