import { suiteForWriting } from '../../crypto/suites.ts'
import type { CryptoProfile, SuiteId } from '../../crypto/suites.ts'
import type { FieldRule } from '../../coverage/field-rule.ts'
import type { FieldContext } from '../../envelope/context.ts'
import { EnvelopeError } from '../../envelope/envelope-error.ts'
import {
  FieldHead,
  isFieldEnvelope,
  openedFieldLengthMax,
  parseField,
  sealedFieldLength,
} from '../../envelope/field-format.ts'
import { type FieldKey, fieldKeyPurpose, openField, sealField } from '../../envelope/field.ts'
import { PortcullisError } from '../../errors.ts'
import type { Keyring } from '../../keyring/keyring.ts'
import type { TenantKey } from '../../keyring/tenant-key.ts'
import type { TenantApp } from '../../tenant/tenant.ts'
import { type CoveredValue, type FieldCodec, KEY_NOT_LOADED } from './codec.ts'
import { fieldScope } from './field-scope.ts'

/** Whose values a codec handles, and with what. */
export interface EnvelopeCodecOptions {
  readonly keyring: Pick<Keyring, 'active' | 'byIdAt'>
  /** The app whose keys seal. */
  readonly writer: TenantApp
  /** The apps whose keys may open: those of the store that are on the writer's site, the writer included. */
  readonly readers: readonly TenantApp[]
  /** Configured name of the store; part of every value's associated data. */
  readonly store: string
  readonly profile: CryptoProfile
  readonly observe?: CodecObserver
}

/** Counts what a codec does. */
export interface CodecObserver {
  /** One value sealed or opened; `failed` when it did not authenticate. */
  cryptoOperations(operation: 'seal' | 'open', suite: number, outcome: 'ok' | 'failed'): void
  /** A tenant key was there when it was needed. */
  keyCache(event: 'hit'): void
}

/**
 * Seals and opens field envelopes under the tenant keys of a keyring. One per request; costs one small object.
 *
 * Throws `ciphertext-invalid`, its cause an `EnvelopeError` that names the failure class; `body-too-large` for a
 * value beyond the limit of its suite; and whatever the keyring throws.
 */
export class EnvelopeCodec implements FieldCodec {
  readonly #options: EnvelopeCodecOptions
  #pending: Promise<TenantKey> | undefined

  constructor(options: EnvelopeCodecOptions) {
    this.#options = options
  }

  sealedBytesMax(rule: FieldRule, tokenBytes: number): number {
    return sealedFieldLength(tokenBytes, this.#writingSuite(rule))
  }

  seal(value: CoveredValue, target: Buffer, at: number): number {
    const { keyring, writer, store, observe } = this.#options
    const suite = this.#writingSuite(value.rule)
    const scope = fieldScope(writer, store, value.rule.dataClass)
    const key = keyring.active(scope)
    if (key instanceof Promise) return this.#wait(key)
    observe?.keyCache('hit')
    const associatedData = associatedDataOf(scope.context, value)
    try {
      const fieldKey = useKey(key, suite)
      const end = sealField(fieldKey, associatedData, value.bytes, value.start, value.end, target, at)
      observe?.cryptoOperations('seal', suite, 'ok')
      return end - at
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      throw new PortcullisError('body-too-large', 'A covered value is longer than its encryption allows.', {
        cause: error,
      })
    }
  }

  openedBytesMax(envelopeBytes: number): number {
    return openedFieldLengthMax(envelopeBytes)
  }

  open(value: CoveredValue, target: Buffer, at: number): number {
    const { keyring, readers, store, observe } = this.#options
    try {
      parseField(value.bytes, value.start, value.end, head)
      const key = keyring.byIdAt(readers, head.keyId, 0)
      if (key instanceof Promise) return this.#wait(key)
      observe?.keyCache('hit')
      const { tenant, dataClass } = key.scope
      if (dataClass !== value.rule.dataClass) {
        throw new EnvelopeError('wrong-key', 'the envelope names a key of another data class')
      }
      const { context } = fieldScope(tenant, store, dataClass)
      const associatedData = associatedDataOf(context, value)
      const fieldKey = useKey(key, head.suite)
      const opened = openField(
        head,
        fieldKey,
        associatedData,
        value.bytes,
        value.start,
        value.end,
        target,
        at,
      )
      observe?.cryptoOperations('open', head.suite, 'ok')
      return opened - at
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      observe?.cryptoOperations('open', head.suite, 'failed')
      throw new PortcullisError('ciphertext-invalid', 'A stored value does not authenticate.', {
        cause: error,
      })
    }
  }

  isEnvelope(bytes: Uint8Array, start: number, end: number): boolean {
    return isFieldEnvelope(bytes, start, end)
  }

  async load(): Promise<void> {
    const pending = this.#pending
    this.#pending = undefined
    await pending
  }

  #wait(key: Promise<TenantKey>): typeof KEY_NOT_LOADED {
    this.#pending = key
    return KEY_NOT_LOADED
  }

  #writingSuite(rule: FieldRule): SuiteId {
    const suite = suiteForWriting(this.#options.profile, rule.mode)
    if (suite !== undefined) return suite
    throw new PortcullisError(
      'internal',
      'A coverage makes fields searchable, which the crypto profile does not allow.',
    )
  }
}

function associatedDataOf(context: FieldContext, value: CoveredValue): Uint8Array {
  const { fieldName } = value.rule
  return fieldName === undefined
    ? context.associatedData(value.name, value.nameStart, value.nameEnd)
    : context.associatedData(fieldName, 0, fieldName.length)
}

// Sealing and opening are synchronous, so one of each serves all codecs; the key's bytes are only borrowed.
const head = new FieldHead()
const fieldKey = { suite: 1 as SuiteId, id: new Uint8Array(0), bytes: new Uint8Array(0) }

function useKey(key: TenantKey, suite: SuiteId): FieldKey {
  fieldKey.suite = suite
  fieldKey.id = key.id as Uint8Array<ArrayBuffer>
  fieldKey.bytes = key.derived(fieldKeyPurpose(suite)) as Uint8Array<ArrayBuffer>
  return fieldKey
}
