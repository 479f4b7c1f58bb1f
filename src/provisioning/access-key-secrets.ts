import type { CryptoProfile } from '../crypto/suites.ts'
import type { FieldRule } from '../coverage/field-rule.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { type CoveredValue, KEY_NOT_LOADED } from '../protocol/json/codec.ts'
import { EnvelopeCodec } from '../protocol/json/field-codec.ts'
import type { TenantApp } from '../tenant/tenant.ts'

/** No store can have this name, so no ciphertext of a store opens here, and none from here there. */
const STORE = 'registry/access-keys'
const RULE: FieldRule = { dataClass: 'attachment', mode: 'randomized' }

/**
 * Secrets of issued S3 access keys: kept as field envelopes under the attachment key of their app, bound to the access
 * key ID. Whoever cuts access to the root key cuts access to the secrets as well, in the registry and in its backups.
 */
export class AccessKeySecrets {
  readonly #keyring: Pick<Keyring, 'active' | 'byIdAt'>
  readonly #profile: CryptoProfile

  constructor(keyring: Pick<Keyring, 'active' | 'byIdAt'>, profile: CryptoProfile) {
    this.#keyring = keyring
    this.#profile = profile
  }

  /** Rejects as the keyring does. */
  async seal(tenant: TenantApp, accessKeyId: string, secretAccessKey: string): Promise<string> {
    const codec = this.#codec(tenant)
    const value = valueOf(accessKeyId, secretAccessKey)
    const target = Buffer.alloc(codec.sealedBytesMax(RULE, value.end))
    for (;;) {
      const length = codec.seal(value, target, 0)
      if (length !== KEY_NOT_LOADED) return target.toString('latin1', 0, length)
      await codec.load()
    }
  }

  /** Synchronous while the tenant key is in memory. Fails as the keyring does, and with `ciphertext-invalid`. */
  open(tenant: TenantApp, accessKeyId: string, sealedSecret: string): string | Promise<string> {
    const codec = this.#codec(tenant)
    const value = valueOf(accessKeyId, sealedSecret)
    return opened(codec, value) ?? this.#openLater(codec, value)
  }

  async #openLater(codec: EnvelopeCodec, value: CoveredValue): Promise<string> {
    for (;;) {
      await codec.load()
      const secretAccessKey = opened(codec, value)
      if (secretAccessKey !== undefined) return secretAccessKey
    }
  }

  #codec(tenant: TenantApp): EnvelopeCodec {
    return new EnvelopeCodec({
      keyring: this.#keyring,
      writer: tenant,
      readers: [tenant],
      store: STORE,
      profile: this.#profile,
    })
  }
}

/** Undefined while the key is not in memory. */
function opened(codec: EnvelopeCodec, value: CoveredValue): string | undefined {
  const target = Buffer.alloc(codec.openedBytesMax(value.end))
  const length = codec.open(value, target, 0)
  if (length === KEY_NOT_LOADED) return undefined
  const secretAccessKey = target.toString('latin1', 0, length)
  target.fill(0)
  return secretAccessKey
}

function valueOf(accessKeyId: string, text: string): CoveredValue {
  const name = Buffer.from(accessKeyId, 'latin1')
  const bytes = Buffer.from(text, 'latin1')
  return { rule: RULE, name, nameStart: 0, nameEnd: name.length, bytes, start: 0, end: bytes.length }
}
