import { createRequire } from 'node:module'
import type Koffi from 'koffi'

/** A pointer of OpenSSL's; never null where it is passed on. */
export type Pointer = bigint | object

/** The functions of OpenSSL that are used (EVP_EncryptInit(3), EVP_CIPHER_fetch(3), HMAC(3)); 1 means success. */
export interface Openssl {
  fetchCipher(library: null, algorithm: string, properties: null): Pointer | null
  fetchDigest(library: null, algorithm: string, properties: null): Pointer | null
  newContext(): Pointer | null
  freeContext(context: Pointer): void
  clearErrors(): void
  control(context: Pointer, command: number, length: number, bytes: Uint8Array): number
  readonly seal: CipherDirection
  readonly open: CipherDirection
  /** Null on failure. */
  hmac(
    digest: Pointer,
    key: Uint8Array,
    keyLength: number,
    message: Uint8Array,
    messageLength: number,
    output: Uint8Array,
    outputLength: Uint32Array,
  ): Pointer | null
}

export interface CipherDirection {
  init(
    context: Pointer,
    cipher: Pointer | null,
    engine: null,
    key: Uint8Array | null,
    nonce: Uint8Array | null,
  ): number
  update(
    context: Pointer,
    output: Uint8Array | null,
    written: Int32Array,
    input: Uint8Array,
    length: number,
  ): number
  final(context: Pointer, output: Uint8Array, written: Int32Array): number
}

/**
 * The OpenSSL that is part of the running node, by its exported functions. They take memory by address and believe every
 * length: only `openssl-gcm.ts` and `hmac.ts` call them, which check each before and each result after (docs/SECURITY.md).
 *
 * @throws Error where koffi is not installed or node does not export them
 */
export function openssl(): Openssl {
  return (bound ??= bind())
}

let bound: Openssl | undefined

function bind(): Openssl {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  // Without a name, this is the running program itself.
  const program = koffi.load(null)
  const direction = (name: 'Encrypt' | 'Decrypt'): CipherDirection => ({
    init: program.func(
      `int EVP_${name}Init_ex(void *context, void *cipher, void *engine, const uint8_t *key, const uint8_t *nonce)`,
    ),
    update: program.func(
      `int EVP_${name}Update(void *context, uint8_t *output, int *written, const uint8_t *input, int length)`,
    ),
    final: program.func(`int EVP_${name}Final_ex(void *context, uint8_t *output, int *written)`),
  })
  return {
    fetchCipher: program.func(
      'void *EVP_CIPHER_fetch(void *library, const char *algorithm, const char *properties)',
    ),
    fetchDigest: program.func(
      'void *EVP_MD_fetch(void *library, const char *algorithm, const char *properties)',
    ),
    newContext: program.func('void *EVP_CIPHER_CTX_new()'),
    freeContext: program.func('void EVP_CIPHER_CTX_free(void *context)'),
    clearErrors: program.func('void ERR_clear_error()'),
    control: program.func('int EVP_CIPHER_CTX_ctrl(void *context, int command, int length, uint8_t *bytes)'),
    seal: direction('Encrypt'),
    open: direction('Decrypt'),
    hmac: program.func(
      'void *HMAC(void *digest, const uint8_t *key, int key_length, const uint8_t *message, size_t message_length, uint8_t *output, uint32_t *output_length)',
    ),
  }
}
