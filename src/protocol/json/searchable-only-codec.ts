import type { FieldRule } from '../../coverage/field-rule.ts'
import { PortcullisError } from '../../errors.ts'
import type { CoveredValue, FieldCodec } from './codec.ts'

/** Seals what will be compared with stored ciphertext: only equal envelopes of equal values are of use. */
export class SearchableOnlyCodec implements FieldCodec {
  readonly #codec: FieldCodec

  constructor(codec: FieldCodec) {
    this.#codec = codec
  }

  sealedBytesMax(rule: FieldRule, tokenBytes: number): number {
    if (rule.mode === 'searchable') return this.#codec.sealedBytesMax(rule, tokenBytes)
    throw new PortcullisError(
      'media-type-unsupported',
      'An operation of the JSON Patch tests a field whose encryption is randomized: equal values differ at rest.',
    )
  }

  seal(value: CoveredValue, target: Buffer, at: number): number {
    return this.#codec.seal(value, target, at)
  }

  openedBytesMax(envelopeBytes: number): number {
    return this.#codec.openedBytesMax(envelopeBytes)
  }

  open(value: CoveredValue, target: Buffer, at: number): number {
    return this.#codec.open(value, target, at)
  }

  isEnvelope(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#codec.isEnvelope(bytes, start, end)
  }

  load(value: CoveredValue): Promise<void> {
    return this.#codec.load(value)
  }
}
