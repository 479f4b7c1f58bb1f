import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** Ed25519 (RFC 8032): every signature has 64 bytes. */
const SIGNATURE_BYTES = 64

/** Signs statements that outsiders check offline. The private key stays inside. */
export interface Signer {
  /** First 16 bytes of SHA-256 over the public key's SubjectPublicKeyInfo, hex. */
  readonly keyId: string
  /** SubjectPublicKeyInfo as PEM (RFC 7468). */
  readonly publicKeyPem: string
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** Checks signatures of one public key. */
export interface Verifier {
  /** As in {@link Signer}. */
  readonly keyId: string
  verify(message: Uint8Array, signature: Uint8Array): boolean
}

/** A fresh Ed25519 private key as PKCS #8 PEM. The caller stores it where only this system reads it. */
export function newSigningKeyPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
}

/** A signer with a PKCS #8 PEM key. Throws `TypeError` unless it is an Ed25519 private key. */
export function signerFromPem(privateKeyPem: string): Signer {
  const privateKey = ed25519(() => createPrivateKey(privateKeyPem), 'private')
  const publicKey = createPublicKey(privateKey)
  return {
    keyId: keyIdOf(publicKey),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }),
    sign: (message) => sign(null, message, privateKey),
  }
}

/** A verifier with a SubjectPublicKeyInfo PEM key. Throws `TypeError` unless it is an Ed25519 public key. */
export function verifierFromPem(publicKeyPem: string): Verifier {
  const publicKey = ed25519(() => createPublicKey(publicKeyPem), 'public')
  return {
    keyId: keyIdOf(publicKey),
    verify: (message, signature) =>
      signature.length === SIGNATURE_BYTES && verify(null, message, publicKey, signature),
  }
}

function ed25519(read: () => KeyObject, kind: 'private' | 'public'): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch {
    // the parser's own message may quote what it was given
    throw new TypeError(`not a PEM ${kind} key`)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError(`not an Ed25519 ${kind} key`)
  return key
}

function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest().subarray(0, 16).toString('hex')
}
