/** What a key of a given spec can do (AWS KMS developer guide: key spec reference). */
export interface KeySpec {
  readonly usages: readonly KeyUsage[]
  readonly encryption: readonly string[]
  readonly signing: readonly string[]
  readonly mac: readonly string[]
  readonly agreement: readonly string[]
}

/** The order is the one of AWS's own validation messages. */
export const KEY_USAGES = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC'] as const
export type KeyUsage = (typeof KEY_USAGES)[number] | 'KEY_AGREEMENT'

const NONE = { encryption: [], signing: [], mac: [], agreement: [] }

const RSA: KeySpec = {
  ...NONE,
  usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  encryption: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  signing: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
}

function ellipticCurve(signing: string, agrees = true): KeySpec {
  return {
    ...NONE,
    usages: agrees ? ['SIGN_VERIFY', 'KEY_AGREEMENT'] : ['SIGN_VERIFY'],
    signing: [signing],
    agreement: agrees ? ['ECDH'] : [],
  }
}

function hmac(algorithm: string): KeySpec {
  return { ...NONE, usages: ['GENERATE_VERIFY_MAC'], mac: [algorithm] }
}

/** Every key spec by name; the order of the names is the one of AWS's own validation messages. */
export const KEY_SPECS: Readonly<Record<string, KeySpec>> = {
  RSA_2048: RSA,
  ECC_NIST_P384: ellipticCurve('ECDSA_SHA_384'),
  ECC_NIST_P256: ellipticCurve('ECDSA_SHA_256'),
  ECC_NIST_P521: ellipticCurve('ECDSA_SHA_512'),
  HMAC_384: hmac('HMAC_SHA_384'),
  RSA_3072: RSA,
  ECC_SECG_P256K1: ellipticCurve('ECDSA_SHA_256', false),
  RSA_4096: RSA,
  SYMMETRIC_DEFAULT: { ...NONE, usages: ['ENCRYPT_DECRYPT'], encryption: ['SYMMETRIC_DEFAULT'] },
  HMAC_256: hmac('HMAC_SHA_256'),
  HMAC_224: hmac('HMAC_SHA_224'),
  HMAC_512: hmac('HMAC_SHA_512'),
}

/** The spec of that name; the names in the state are always known ones. */
export function keySpec(name: string): KeySpec {
  const spec = Object.hasOwn(KEY_SPECS, name) ? KEY_SPECS[name] : undefined
  if (!spec) throw new Error(`unknown key spec ${name}`)
  return spec
}
