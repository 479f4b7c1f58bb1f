import { createHmac, createPublicKey, diffieHellman, timingSafeEqual, type KeyObject } from 'node:crypto'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { digestBytes, privateKeyOf, publicKeyBytes, signMessage, verifyMessage } from './asymmetric.ts'
import { refuseDryRun } from './dry-run.ts'
import type { Input } from './input.ts'
import { keyForUse, requireUsage, type UsableKey } from './key-use.ts'
import type { KmsOperation } from './operation.ts'
import { keySpec } from './specs.ts'

const MESSAGE_BYTES_MAX = 4096
const SIGNATURE_BYTES_MAX = 6144
const MAC_BYTES_MAX = 6144
const PUBLIC_KEY_BYTES_MAX = 8192
/** The order is the one of AWS's own validation message. */
const MAC_ALGORITHMS = { max: 64, values: ['HMAC_SHA_384', 'HMAC_SHA_256', 'HMAC_SHA_224', 'HMAC_SHA_512'] }
const SIGNING_ALGORITHMS = {
  max: 64,
  values: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
    'ECDSA_SHA_256',
    'ECDSA_SHA_384',
    'ECDSA_SHA_512',
  ],
}
const MESSAGE_TYPES = { max: 32, values: ['RAW', 'DIGEST', 'EXTERNAL_MU'] }

/** GetPublicKey. */
export const getPublicKey: KmsOperation = (call, input) => {
  const { key, family } = keyForUse(call, input.keyId(), { grantOperation: 'GetPublicKey' })
  if (family.keySpec === 'SYMMETRIC_DEFAULT' || family.keyUsage === 'GENERATE_VERIFY_MAC') {
    throw new AwsError('UnsupportedOperationException')
  }
  const spec = keySpec(family.keySpec)
  return {
    CustomerMasterKeySpec: family.keySpec,
    EncryptionAlgorithms: family.keyUsage === 'ENCRYPT_DECRYPT' ? spec.encryption : undefined,
    KeyAgreementAlgorithms: family.keyUsage === 'KEY_AGREEMENT' ? spec.agreement : undefined,
    KeyId: key.arn,
    KeySpec: family.keySpec,
    KeyUsage: family.keyUsage,
    PublicKey: publicKeyBytes(family).toString('base64'),
    SigningAlgorithms: family.keyUsage === 'SIGN_VERIFY' ? spec.signing : undefined,
  }
}

/** Sign: a message of at most 4,096 bytes. */
export const sign: KmsOperation = (call, input) => {
  const { usable, algorithm, message } = signingRequest(call, input)
  refuseDryRun(input)
  const signature = signMessage(usable.family, algorithm, message)
  return { KeyId: usable.key.arn, Signature: signature.toString('base64'), SigningAlgorithm: algorithm }
}

/** Verify. */
export const verify: KmsOperation = (call, input) => {
  const signature = input.bytes('Signature', 1, SIGNATURE_BYTES_MAX)
  const { usable, algorithm, message } = signingRequest(call, input)
  refuseDryRun(input)
  if (!verifyMessage(usable.family, algorithm, message, signature)) {
    throw new AwsError('KMSInvalidSignatureException')
  }
  return { KeyId: usable.key.arn, SignatureValid: true, SigningAlgorithm: algorithm }
}

/** GenerateMac. */
export const generateMac: KmsOperation = (call, input) => {
  const { usable, algorithm, mac } = macRequest(call, input)
  return { KeyId: usable.key.arn, Mac: mac.toString('base64'), MacAlgorithm: algorithm }
}

/** VerifyMac. */
export const verifyMac: KmsOperation = (call, input) => {
  const given = input.bytes('Mac', 1, MAC_BYTES_MAX)
  const { usable, algorithm, mac } = macRequest(call, input)
  if (given.length !== mac.length || !timingSafeEqual(given, mac))
    throw new AwsError('KMSInvalidMacException')
  return { KeyId: usable.key.arn, MacAlgorithm: algorithm, MacValid: true }
}

/** DeriveSharedSecret (ECDH). */
export const deriveSharedSecret: KmsOperation = (call, input) => {
  const algorithm = input.requiredText('KeyAgreementAlgorithm', { max: 32, values: ['ECDH'] })
  const given = input.bytes('PublicKey', 1, PUBLIC_KEY_BYTES_MAX)
  const usable = keyForUse(call, input.keyId(), {
    grantOperation: 'DeriveSharedSecret',
    values: { 'kms:keyagreementalgorithm': algorithm },
  })
  requireUsage(call, usable, 'KEY_AGREEMENT', algorithm, keySpec(usable.family.keySpec).agreement)
  const privateKey = privateKeyOf(usable.family)
  const publicKey = peerKey(given, privateKey)
  refuseDryRun(input)
  return {
    KeyAgreementAlgorithm: algorithm,
    KeyId: usable.key.arn,
    KeyOrigin: usable.family.origin,
    SharedSecret: diffieHellman({ privateKey, publicKey }).toString('base64'),
  }
}

function peerKey(bytes: Buffer, privateKey: KeyObject): KeyObject {
  try {
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve === privateKey.asymmetricKeyDetails?.namedCurve) return key
  } catch {
    // not a public key: refused below
  }
  throw new AwsError('ValidationException')
}

function signingRequest(call: Call, input: Input): { usable: UsableKey; algorithm: string; message: Buffer } {
  const algorithm = input.requiredText('SigningAlgorithm', SIGNING_ALGORITHMS)
  const message = input.bytes('Message', 1, MESSAGE_BYTES_MAX)
  const type = input.text('MessageType', MESSAGE_TYPES) ?? 'RAW'
  const usable = keyForUse(call, input.keyId(), {
    grantOperation: call.operation,
    values: { 'kms:signingalgorithm': algorithm, 'kms:messagetype': type },
  })
  requireUsage(call, usable, 'SIGN_VERIFY', algorithm, keySpec(usable.family.keySpec).signing)
  if (type !== 'RAW') {
    if (message.length !== digestBytes(algorithm)) {
      throw validationException(`Digest is invalid length for algorithm ${algorithm}.`)
    }
    throw new AwsError(
      'UnsupportedOperationException',
      `MessageType ${type} is not supported here; send RAW.`,
    )
  }
  return { usable, algorithm, message }
}

function macRequest(call: Call, input: Input): { usable: UsableKey; algorithm: string; mac: Buffer } {
  const algorithm = input.requiredText('MacAlgorithm', MAC_ALGORITHMS)
  const message = input.bytes('Message', 1, MESSAGE_BYTES_MAX)
  const usable = keyForUse(call, input.keyId(), {
    grantOperation: call.operation,
    values: { 'kms:macalgorithm': algorithm },
  })
  requireUsage(call, usable, 'GENERATE_VERIFY_MAC', algorithm, keySpec(usable.family.keySpec).mac)
  refuseDryRun(input)
  const secret = Buffer.from(usable.family.materials.at(-1)?.bytes ?? '', 'base64')
  const mac = createHmac(`sha${algorithm.slice(-3)}`, secret)
    .update(message)
    .digest()
  return { usable, algorithm, mac }
}
