import { createRequire } from 'node:module'
import type { LibraryHandle } from 'koffi'
import type Koffi from 'koffi'

/** A pointer of OpenSSL's; never null where it is passed on. */
export type Pointer = bigint | object

/** The functions of OpenSSL that are used (EVP_EncryptInit(3), EVP_CIPHER_fetch(3), EVP_MAC(3)); 1 means success. */
export interface Openssl {
  fetchCipher(library: null, algorithm: string, properties: null): Pointer | null
  newContext(): Pointer | null
  freeContext(context: Pointer): void
  clearErrors(): void
  control(context: Pointer, command: number, length: number, bytes: Uint8Array): number
  readonly seal: CipherDirection
  readonly open: CipherDirection
  readonly mac: Mac
}

export interface Mac {
  /** A context of HMAC-SHA256 for any number of messages; null on failure. */
  newHmacSha256(): Pointer | null
  init(context: Pointer, key: Uint8Array, length: number, parameters: null): number
  update(context: Pointer, message: Uint8Array, length: number): number
  final(context: Pointer, output: Uint8Array, written: null, length: number): number
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
    newContext: program.func('void *EVP_CIPHER_CTX_new()'),
    freeContext: program.func('void EVP_CIPHER_CTX_free(void *context)'),
    clearErrors: program.func('void ERR_clear_error()'),
    control: program.func('int EVP_CIPHER_CTX_ctrl(void *context, int command, int length, uint8_t *bytes)'),
    seal: direction('Encrypt'),
    open: direction('Decrypt'),
    mac: {
      newHmacSha256: () => newHmacSha256(program),
      init: program.func(
        'int EVP_MAC_init(void *context, const uint8_t *key, size_t length, void *parameters)',
      ),
      update: program.func('int EVP_MAC_update(void *context, const uint8_t *message, size_t length)'),
      final: program.func('int EVP_MAC_final(void *context, uint8_t *output, void *written, size_t length)'),
    },
  }
}

function newHmacSha256(program: LibraryHandle): Pointer | null {
  const fetch = program.func('void *EVP_MAC_fetch(void *library, const char *name, const char *properties)')
  const newContext = program.func('void *EVP_MAC_CTX_new(void *mac)')
  const setParameters = program.func('int EVP_MAC_CTX_set_params(void *context, void *parameters)')
  const newBuilder = program.func('void *OSSL_PARAM_BLD_new()')
  const push = program.func(
    'int OSSL_PARAM_BLD_push_utf8_string(void *builder, const char *key, const char *value, size_t length)',
  )
  const build = program.func('void *OSSL_PARAM_BLD_to_param(void *builder)')
  const freeBuilder = program.func('void OSSL_PARAM_BLD_free(void *builder)')
  const freeParameters = program.func('void OSSL_PARAM_free(void *parameters)')
  const mac = fetch(null, 'HMAC', null) as Pointer | null
  const builder = newBuilder() as Pointer | null
  if (mac === null || builder === null) return null
  const parameters = push(builder, 'digest', 'SHA256', 0) === 1 ? (build(builder) as Pointer | null) : null
  freeBuilder(builder)
  if (parameters === null) return null
  const context = newContext(mac) as Pointer | null
  const isSet = context !== null && setParameters(context, parameters) === 1
  freeParameters(parameters)
  return isSet ? context : null
}
