import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { AwsError, validationException } from '../aws-error.ts'
import type { KeyFamily } from '../state/model.ts'

const CURVES: Readonly<Record<string, string>> = {
  ECC_NIST_P256: 'P-256',
  ECC_NIST_P384: 'P-384',
  ECC_NIST_P521: 'P-521',
  ECC_SECG_P256K1: 'secp256k1',
}

const generateKeyPairAsync = promisify(generateKeyPair)

/** A fresh key pair: private key as PKCS #8 DER, public key as SubjectPublicKeyInfo DER. */
export async function newKeyPair(spec: string): Promise<{ privateKey: Buffer; publicKey: Buffer }> {
  const encodings = {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  } as const
  return spec.startsWith('RSA_')
    ? generateKeyPairAsync('rsa', { ...encodings, modulusLength: Number(spec.slice('RSA_'.length)) })
    : generateKeyPairAsync('ec', { ...encodings, namedCurve: CURVES[spec] ?? '' })
}

/** The private key of an asymmetric key. */
export function privateKeyOf(family: KeyFamily): KeyObject {
  const bytes = Buffer.from(family.materials.at(-1)?.bytes ?? '', 'base64')
  return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
}

/** The public key as SubjectPublicKeyInfo DER. */
export function publicKeyBytes(family: KeyFamily): Buffer {
  return createPublicKey(privateKeyOf(family)).export({ format: 'der', type: 'spki' })
}

/** Whether a private key (PKCS #8 DER) is of the given spec. */
export function isOfSpec(privateKey: Uint8Array, spec: string): boolean {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  } catch {
    return false
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (spec.startsWith('RSA_')) return modulusLength === Number(spec.slice('RSA_'.length))
  const names: Readonly<Record<string, string>> = {
    'P-256': 'prime256v1',
    'P-384': 'secp384r1',
    'P-521': 'secp521r1',
  }
  const curve = CURVES[spec] ?? ''
  return namedCurve === (names[curve] ?? curve)
}

/** RSAES-OAEP; the plaintext's limit follows from modulus and hash (RFC 8017 section 7.1). */
export function encryptOaep(family: KeyFamily, algorithm: string, plaintext: Uint8Array): Buffer {
  const hash = oaepHash(algorithm)
  const max = Number(family.keySpec.slice('RSA_'.length)) / 8 - 2 * (hash === 'sha1' ? 20 : 32) - 2
  if (plaintext.length > max) {
    throw validationException(
      `Algorithm ${algorithm} and key spec ${family.keySpec} cannot encrypt data larger than ${max} bytes.`,
    )
  }
  const key = createPublicKey(privateKeyOf(family))
  return publicEncrypt({ key, oaepHash: hash, padding: constants.RSA_PKCS1_OAEP_PADDING }, plaintext)
}

/** Inverse of {@link encryptOaep}; throws `InvalidCiphertextException`. */
export function decryptOaep(key: KeyObject, algorithm: string, ciphertext: Uint8Array): Buffer {
  try {
    return privateDecrypt(
      { key, oaepHash: oaepHash(algorithm), padding: constants.RSA_PKCS1_OAEP_PADDING },
      ciphertext,
    )
  } catch {
    throw new AwsError('InvalidCiphertextException')
  }
}

function oaepHash(algorithm: string): 'sha1' | 'sha256' {
  return algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
}

/** Signs a message. */
export function signMessage(family: KeyFamily, algorithm: string, message: Buffer): Buffer {
  const { hash, options } = signingScheme(algorithm)
  return sign(hash, message, { key: privateKeyOf(family), ...options })
}

/** Whether a signature over a message is valid. */
export function verifyMessage(
  family: KeyFamily,
  algorithm: string,
  message: Buffer,
  signature: Buffer,
): boolean {
  const { hash, options } = signingScheme(algorithm)
  return verify(hash, message, { key: createPublicKey(privateKeyOf(family)), ...options }, signature)
}

/** Bytes of the digest that `algorithm` signs. */
export function digestBytes(algorithm: string): number {
  return Number(algorithm.slice(-3)) / 8
}

function signingScheme(algorithm: string): {
  hash: string
  options: { padding?: number; saltLength?: number }
} {
  const hash = `sha${algorithm.slice(-3)}`
  if (algorithm.startsWith('ECDSA')) return { hash, options: {} }
  if (algorithm.includes('PKCS1')) return { hash, options: { padding: constants.RSA_PKCS1_PADDING } }
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return { hash, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } }
}
