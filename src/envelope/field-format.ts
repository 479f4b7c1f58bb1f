import type { FieldSuite, SuiteId } from '../crypto/suites.ts'
import { suiteById } from '../crypto/suites.ts'
import { base64UrlBytes, base64UrlLength, decodeBase64UrlGroups, firstBase64UrlByte } from './base64url.ts'
import { EnvelopeError } from './envelope-error.ts'

/** What every field envelope of this version begins with. */
export const FIELD_MARKER = '~pc1~'
export const MARKER_BYTES = 5
export const KEY_ID_BYTES = 16
/** Suite and key identifier, in front of the suite's own bytes. */
export const BODY_HEAD_BYTES = 1 + KEY_ID_BYTES

const TILDE = 0x7e
const DIGIT_ZERO = 0x30
const DIGIT_NINE = 0x39
const VERSION_DIGITS_MAX = 3

// The head ends within a group of four characters: one byte of what follows is decoded with it.
const head = new Uint8Array(BODY_HEAD_BYTES + 1)

/** What stands in the open part of a field envelope. Reuse one for many values. */
export class FieldHead {
  suite: SuiteId = 1
  /** Key identifier, 16 bytes; overwritten by the next parse into this object. */
  readonly keyId = Buffer.alloc(KEY_ID_BYTES)
  plaintextBytes = 0
}

/** Length in bytes of the envelope text of a token of `tokenBytes` bytes; in JSON two quotes come on top. */
export function sealedFieldLength(tokenBytes: number, suite: SuiteId): number {
  return MARKER_BYTES + base64UrlLength(BODY_HEAD_BYTES + requireSuite(suite).overheadBytes + tokenBytes)
}

/** Upper bound of the token in an envelope text of so many bytes, whatever its suite. */
export function openedFieldLengthMax(textBytes: number): number {
  const smallestOverhead = BODY_HEAD_BYTES + requireSuite(3).overheadBytes
  return Math.max(0, base64UrlBytes(textBytes - MARKER_BYTES) - smallestOverhead)
}

/** True when the text claims to be a field envelope of any version, sound or not. */
export function isFieldEnvelope(source: Uint8Array, start: number, end: number): boolean {
  return markerEnd(source, start, end) !== -1
}

/**
 * Reads the open part of the envelope text `source[start, end)` into `into`; checks 1 to 9 of docs/SPEC.md section 5.
 * Nothing of it is authenticated yet.
 *
 * @throws EnvelopeError
 */
export function parseField(
  source: Uint8Array,
  start: number,
  end: number,
  into = new FieldHead(),
): FieldHead {
  const from = markerEnd(source, start, end)
  if (from === -1) throw new EnvelopeError('not-an-envelope', 'the value has no envelope marker')
  if (from !== start + MARKER_BYTES || source[start + 3] !== DIGIT_ZERO + 1) {
    throw new EnvelopeError('unknown-version', 'the envelope is of another version')
  }
  const characters = end - from
  if (characters < 2) throw new EnvelopeError('truncated', 'the envelope ends before its suite')
  const suiteByte = firstBase64UrlByte(source, from)
  if (suiteByte === undefined) throw notCanonical()
  const suite = suiteById(suiteByte)
  if (suite === undefined) throw new EnvelopeError('unknown-suite', 'the envelope is of another suite')
  const plaintextBytes = base64UrlBytes(characters) - BODY_HEAD_BYTES - suite.overheadBytes
  if (plaintextBytes < 1) throw new EnvelopeError('truncated', 'the envelope is shorter than its suite needs')
  if (plaintextBytes > suite.plaintextBytesMax) throw tooLarge()
  if (characters % 4 === 1 || !decodeBase64UrlGroups(source, from, head)) throw notCanonical()
  into.suite = suite.id
  into.plaintextBytes = plaintextBytes
  into.keyId.set(head.subarray(1, BODY_HEAD_BYTES))
  return into
}

/** Position behind a marker of any version, or -1 where there is none. */
function markerEnd(source: Uint8Array, start: number, end: number): number {
  if (end - start < MARKER_BYTES) return -1
  if (source[start] !== TILDE || source[start + 1] !== 0x70 || source[start + 2] !== 0x63) return -1
  const digitsFrom = start + 3
  let at = digitsFrom
  while (at < end && source[at]! >= DIGIT_ZERO && source[at]! <= DIGIT_NINE) at++
  const digits = at - digitsFrom
  return digits >= 1 && digits <= VERSION_DIGITS_MAX && at < end && source[at] === TILDE ? at + 1 : -1
}

/** The suite of a number that a caller, not the store, chose. */
export function requireSuite(id: SuiteId): FieldSuite {
  const suite = suiteById(id)
  if (suite === undefined) throw new RangeError('unknown suite')
  return suite
}

export function notCanonical(): EnvelopeError {
  return new EnvelopeError('not-canonical', 'the envelope is not in canonical base64url')
}

export function tooLarge(): EnvelopeError {
  return new EnvelopeError('too-large', 'the value exceeds the limit of its suite')
}
