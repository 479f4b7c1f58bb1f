import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type {
  EncryptionContext,
  KeyProof,
  KeyProver,
  KeyService,
  KeyToProve,
  Unwrapped,
  WrappedCopy,
} from '../../src/keyring/key-service.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** As long as what KMS gives. */
const CIPHERTEXT_BYTES = 184

/** A key service in this process: wraps under one key of its own, and asks nobody. For figures without AWS in them. */
export class LocalWrapping implements KeyService, KeyProver {
  readonly #key = randomBytes(32)
  proofs = 0

  async wrap(
    authority: KeyAuthority,
    plaintext: Uint8Array,
    context: EncryptionContext,
  ): Promise<WrappedCopy[]> {
    return authority.keys.map(({ region, keyArn }) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(encoded(context))
      const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
      return {
        region,
        keyArn,
        ciphertext: Buffer.concat([sealed, Buffer.alloc(CIPHERTEXT_BYTES - sealed.length)]),
      }
    })
  }

  async unwrap(
    _authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<Unwrapped> {
    return { plaintext: this.#open(copies[0]!, context), region: copies[0]!.region, awsRequestId: undefined }
  }

  async verify(
    _authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<void> {
    for (const copy of copies) this.#open(copy, context).fill(0)
  }

  async prove(authority: KeyAuthority, keys: readonly KeyToProve[]): Promise<KeyProof[]> {
    this.proofs += 1
    for (const { copies, context } of keys) await this.verify(authority, copies, context)
    return keys.map(({ keyId }) => ({ keyId, failure: undefined }))
  }

  forget(): void {}

  #open({ ciphertext }: WrappedCopy, context: EncryptionContext): Uint8Array {
    const end = NONCE_BYTES + 32
    const decipher = createDecipheriv('aes-256-gcm', this.#key, ciphertext.subarray(0, NONCE_BYTES))
      .setAAD(encoded(context))
      .setAuthTag(ciphertext.subarray(end, end + TAG_BYTES))
    const plaintext = decipher.update(ciphertext.subarray(NONCE_BYTES, end))
    decipher.final()
    return plaintext
  }
}

function encoded(context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify(context))
}
