import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { newSigningKeyPem, signerFromPem, verifierFromPem } from '../../src/crypto/signature.ts'

/** PKCS #8 around an Ed25519 seed (RFC 8410 section 7). */
function pemOfSeed(seedHex: string): string {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, 'hex')
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
}

/** RFC 8032 section 7.1, tests 1 to 3. */
const VECTORS = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
]

describe('Ed25519 signatures', () => {
  it.each(VECTORS)('signs "$message" as RFC 8032 does', ({ seed, message, signature }) => {
    const signer = signerFromPem(pemOfSeed(seed))
    expect(Buffer.from(signer.sign(Buffer.from(message, 'hex'))).toString('hex')).toBe(signature)
    const verifier = verifierFromPem(signer.publicKeyPem)
    expect(verifier.verify(Buffer.from(message, 'hex'), Buffer.from(signature, 'hex'))).toBe(true)
  })

  it('refuses another message, another key, and a flipped bit anywhere', () => {
    const signer = signerFromPem(newSigningKeyPem())
    const verifier = verifierFromPem(signer.publicKeyPem)
    const message = Buffer.from('a checkpoint')
    const signature = signer.sign(message)
    expect(verifier.verify(Buffer.from('another'), signature)).toBe(false)
    expect(verifierFromPem(signerFromPem(newSigningKeyPem()).publicKeyPem).verify(message, signature)).toBe(
      false,
    )
    for (let index = 0; index < signature.length; index += 1) {
      expect(verifier.verify(message, signature.with(index, signature[index]! ^ 1))).toBe(false)
    }
    expect(verifier.verify(message, signature.subarray(1))).toBe(false)
    expect(verifier.verify(message, new Uint8Array(0))).toBe(false)
  })

  it('gives signer and verifier the same key identifier', () => {
    const signer = signerFromPem(newSigningKeyPem())
    expect(verifierFromPem(signer.publicKeyPem).keyId).toBe(signer.keyId)
    expect(signer.keyId).toMatch(/^[0-9a-f]{32}$/)
  })

  it('refuses keys of another kind, without quoting them', () => {
    const rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const other = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })
    expect(() => signerFromPem(other)).toThrow('not an Ed25519 private key')
    expect(() => signerFromPem('secret nonsense')).toThrow(new TypeError('not a PEM private key'))
    expect(() => verifierFromPem('nonsense')).toThrow(new TypeError('not a PEM public key'))
  })
})
