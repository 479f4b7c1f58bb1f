import { createHash } from 'node:crypto'
import type { FieldRule } from '../../../src/coverage/field-rule.ts'
import { PortcullisError } from '../../../src/errors.ts'
import { type CoveredValue, type FieldCodec, KEY_NOT_LOADED } from '../../../src/protocol/json/codec.ts'

const PREFIX = '~pc1~'
const DIGEST_BYTES = 8

/**
 * A codec without keys for tests of the transform alone: an envelope holds the token and a checksum over data
 * class, field name and token, so that values swapped between fields fail as they do with real ones.
 */
export class ChecksumCodec implements FieldCodec {
  /** Calls of each method. */
  seals = 0
  opens = 0
  loads = 0
  /** Number of values whose key must still be loaded before they open or seal. */
  missingKeys = 0
  /** What is put in place of each opened token, to play another holder of the key. */
  forged: Buffer | undefined

  sealedBytesMax(_rule: FieldRule, tokenBytes: number): number {
    return PREFIX.length + Math.ceil(((tokenBytes + DIGEST_BYTES) * 4) / 3)
  }

  seal(value: CoveredValue, target: Buffer, at: number): number {
    if (this.missingKeys > 0) return KEY_NOT_LOADED
    this.seals++
    const token = value.bytes.subarray(value.start, value.end)
    const text = PREFIX + Buffer.concat([digest(value, token), token]).toString('base64url')
    return target.write(text, at, 'latin1')
  }

  openedBytesMax(envelopeBytes: number): number {
    return envelopeBytes
  }

  open(value: CoveredValue, target: Buffer, at: number): number {
    if (!this.isEnvelope(value.bytes, value.start, value.end)) throw refusal()
    if (this.missingKeys > 0) return KEY_NOT_LOADED
    this.opens++
    const text = Buffer.from(value.bytes.subarray(value.start + PREFIX.length, value.end)).toString('latin1')
    const sealed = Buffer.from(text, 'base64url')
    if (sealed.toString('base64url') !== text || sealed.length < DIGEST_BYTES) throw refusal()
    const token = sealed.subarray(DIGEST_BYTES)
    if (!digest(value, token).equals(sealed.subarray(0, DIGEST_BYTES))) throw refusal()
    return (this.forged ?? token).copy(target, at)
  }

  isEnvelope(bytes: Uint8Array, start: number, end: number): boolean {
    return Buffer.from(bytes.subarray(start, end)).subarray(0, PREFIX.length).equals(Buffer.from(PREFIX))
  }

  load(): Promise<void> {
    this.loads++
    this.missingKeys--
    return Promise.resolve()
  }
}

function digest(value: CoveredValue, token: Uint8Array): Buffer {
  const name = value.name.subarray(value.nameStart, value.nameEnd)
  const nameBytes = Buffer.alloc(4)
  nameBytes.writeUInt32BE(name.length)
  const hash = createHash('sha256').update(value.rule.dataClass).update(value.rule.mode).update(nameBytes)
  return hash.update(name).update(token).digest().subarray(0, DIGEST_BYTES)
}

function refusal(): PortcullisError {
  return new PortcullisError('ciphertext-invalid', 'A stored value does not authenticate.')
}
