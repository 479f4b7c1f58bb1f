import type { SuiteId } from '../crypto/suites.ts'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'
import { EnvelopeError } from './envelope-error.ts'
import {
  BODY_HEAD_BYTES,
  FIELD_MARKER,
  KEY_ID_BYTES,
  MARKER_BYTES,
  notCanonical,
  requireSuite,
  sealedFieldLength,
  tooLarge,
} from './field-format.ts'
import type { FieldHead } from './field-format.ts'

/** A tenant key's part for one suite. `bytes` is a view into secure memory: make one of these for each use. */
export interface FieldKey {
  readonly suite: SuiteId
  /** Key identifier of the tenant key, 16 bytes. */
  readonly id: Uint8Array
  /** The key derived for this suite (`fieldKeyPurpose`): 32 bytes, 64 for suite 3. */
  readonly bytes: Uint8Array
}

/** Name of the derived key that a suite uses (docs/SPEC.md section 2). */
export function fieldKeyPurpose(suite: SuiteId): `field-${SuiteId}` {
  return `field-${suite}`
}

const SCRATCH_BYTES = 64 * 1024
/** A larger body than this gets memory of its own, so that one giant value does not stay for ever. */
const SCRATCH_BYTES_MAX = 1024 * 1024
const marker = Buffer.from(FIELD_MARKER)

// Bodies in binary, never plaintext. Shared by all calls: sealing and opening are synchronous.
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/**
 * Seals the raw JSON token `source[start, end)` and writes the envelope text to `target` at `at`, which needs room for
 * `sealedFieldLength`. `source` and `target` may be the same memory.
 *
 * @returns end of the text in `target`
 * @throws EnvelopeError `too-large` beyond the suite's limit
 */
export function sealField(
  key: FieldKey,
  associatedData: Uint8Array,
  source: Uint8Array,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): number {
  const suite = requireSuite(key.suite)
  const tokenBytes = end - start
  requireKeyLengths(key, suite.keyBytes)
  if (tokenBytes < 1) throw new RangeError('a JSON token has at least one byte')
  if (tokenBytes > suite.plaintextBytesMax) throw tooLarge()
  if (target.length - at < sealedFieldLength(tokenBytes, key.suite))
    throw new RangeError('the target is too short')
  const bodyBytes = BODY_HEAD_BYTES + suite.overheadBytes + tokenBytes
  const body = bodyOf(bodyBytes)
  body[0] = suite.id
  for (let i = 0; i < KEY_ID_BYTES; i++) body[1 + i] = key.id[i]!
  suite.seal(body, BODY_HEAD_BYTES, source, start, end, associatedData, key.bytes)
  marker.copy(target, at)
  return encodeBase64Url(body, 0, bodyBytes, target, at + MARKER_BYTES)
}

/**
 * Opens the envelope text `source[start, end)`, whose open part `parseField` has read into `head`, and writes the token
 * to `target` at `at`, which needs room for `head.plaintextBytes`. Where it throws, `target` holds no plaintext.
 *
 * @returns end of the token in `target`
 * @throws EnvelopeError `wrong-key`, `not-canonical` or `not-authentic`
 */
export function openField(
  head: FieldHead,
  key: FieldKey,
  associatedData: Uint8Array,
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): number {
  const suite = requireSuite(head.suite)
  requireKeyLengths(key, suite.keyBytes)
  if (key.suite !== head.suite) throw new RangeError('the key is for another suite')
  for (let i = 0; i < KEY_ID_BYTES; i++) {
    if (key.id[i] !== head.keyId[i]) throw new EnvelopeError('wrong-key', 'the envelope names another key')
  }
  const bodyBytes = BODY_HEAD_BYTES + suite.overheadBytes + head.plaintextBytes
  const body = bodyOf(bodyBytes)
  if (!decodeBase64Url(source, start + MARKER_BYTES, end, body)) throw notCanonical()
  if (!suite.open(target, at, body, BODY_HEAD_BYTES, bodyBytes, associatedData, key.bytes)) {
    throw new EnvelopeError('not-authentic', 'the envelope does not authenticate here')
  }
  return at + head.plaintextBytes
}

function requireKeyLengths(key: FieldKey, keyBytes: number): void {
  if (key.bytes.length !== keyBytes || key.id.length !== KEY_ID_BYTES) {
    throw new RangeError('a key or its identifier has the wrong length')
  }
}

function bodyOf(bytes: number): Buffer {
  if (bytes <= scratch.length) return scratch
  if (bytes > SCRATCH_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes)
  scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)))
  return scratch
}
