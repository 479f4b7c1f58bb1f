/**
 * A second, straight-line implementation of docs/SPEC.md, for vectors only: it shares no code with src/, uses another
 * library for each algorithm where there is one, and knows nothing of speed or of hostile input.
 */
import { createCipheriv, createHash, hkdfSync } from 'node:crypto'
import { ecb, gcm } from '@noble/ciphers/aes.js'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'

export interface ReferenceContext {
  readonly organization: string
  readonly site: string
  readonly app: string
  readonly store: string
  readonly dataClass: string
}

export function lp(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export function hkdf(key: Uint8Array, salt: Uint8Array, info: string | Uint8Array, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes))
}

export function derived(tenantKey: Uint8Array, purpose: string, bytes: number): Buffer {
  return hkdf(tenantKey, Buffer.alloc(0), `portcullis/${purpose}/v1`, bytes)
}

export function keyId(tenantKey: Uint8Array): Buffer {
  return derived(tenantKey, 'key-id', 16)
}

export function names(label: string, context: ReferenceContext): Buffer {
  const { organization, site, app, store, dataClass } = context
  return Buffer.concat([label, organization, site, app, store, dataClass].map(lp))
}

export function fieldAad(context: ReferenceContext, field: string): Buffer {
  return Buffer.concat([names('portcullis/field/v1', context), lp(field)])
}

export function sealFieldReference(
  suite: number,
  tenantKey: Uint8Array,
  context: ReferenceContext,
  field: string,
  nonce: Uint8Array,
  token: string,
): string {
  const aad = fieldAad(context, field)
  const plaintext = Buffer.from(token)
  const key = derived(tenantKey, `field-${suite}`, suite === 3 ? 64 : 32)
  const sealed = [xchacha, xaes, siv][suite - 1]!(key, nonce, aad, plaintext)
  return `~pc1~${Buffer.concat([Buffer.from([suite]), keyId(tenantKey), sealed]).toString('base64url')}`
}

function xchacha(key: Buffer, nonce: Uint8Array, aad: Buffer, plaintext: Buffer): Buffer {
  return Buffer.concat([nonce, xchacha20poly1305(key, nonce, aad).encrypt(plaintext)])
}

/** C2SP XAES-256-GCM in big integers. */
export function xaes(key: Buffer, nonce: Uint8Array, aad: Buffer, plaintext: Buffer): Buffer {
  const block = (input: Buffer): Buffer =>
    Buffer.from(ecb(key, { disablePadding: true }).encrypt(Uint8Array.from(input)))
  const l = BigInt(`0x${block(Buffer.alloc(16)).toString('hex')}`)
  const k1 = ((l << 1n) & ((1n << 128n) - 1n)) ^ (l >> 127n === 1n ? 0x87n : 0n)
  const half = (counter: number): Buffer => {
    const message = Buffer.concat([Buffer.from([0, counter, 0x58, 0]), nonce.subarray(0, 12)])
    const masked = BigInt(`0x${message.toString('hex')}`) ^ k1
    return block(Buffer.from(masked.toString(16).padStart(32, '0'), 'hex'))
  }
  const gcmKey = Buffer.concat([half(1), half(2)])
  return Buffer.concat([nonce, gcm(gcmKey, nonce.subarray(12), aad).encrypt(plaintext)])
}

/** RFC 5297 with one associated-data string, over OpenSSL's AES. */
export function siv(key: Buffer, _nonce: Uint8Array, aad: Buffer, plaintext: Buffer): Buffer {
  const macKey = key.subarray(0, 32)
  let d = xor(double(cmac(macKey, Buffer.alloc(16))), cmac(macKey, aad))
  let last: Buffer
  if (plaintext.length >= 16) {
    const cut = plaintext.length - 16
    last = Buffer.concat([plaintext.subarray(0, cut), xor(plaintext.subarray(cut), d)])
  } else {
    d = double(d)
    last = xor(d, pad(plaintext))
  }
  const v = cmac(macKey, last)
  const q = Buffer.from(v)
  q[8]! &= 0x7f
  q[12]! &= 0x7f
  return Buffer.concat([v, createCipheriv('aes-256-ctr', key.subarray(32), q).update(plaintext)])
}

/** NIST SP 800-38B. */
function cmac(key: Buffer, message: Buffer): Buffer {
  const encrypt = (input: Buffer): Buffer =>
    createCipheriv('aes-256-cbc', key, Buffer.alloc(16)).setAutoPadding(false).update(input)
  const k1 = double(encrypt(Buffer.alloc(16)))
  const whole = message.length > 0 && message.length % 16 === 0
  const cut = whole ? message.length - 16 : Math.floor(message.length / 16) * 16
  const last = whole ? xor(message.subarray(cut), k1) : xor(pad(message.subarray(cut)), double(k1))
  return encrypt(Buffer.concat([message.subarray(0, cut), last])).subarray(-16)
}

function double(block: Buffer): Buffer {
  const value = BigInt(`0x${block.toString('hex')}`)
  const doubled = ((value << 1n) & ((1n << 128n) - 1n)) ^ (value >> 127n === 1n ? 0x87n : 0n)
  return Buffer.from(doubled.toString(16).padStart(32, '0'), 'hex')
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.from([0x80]), Buffer.alloc(15)]).subarray(0, 16)
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}

/** The failure that docs/SPEC.md section 5 names for a text that is not a sound envelope under this key. */
export function fieldFailure(text: string, readerKeyId: Uint8Array): string {
  const marker = /^~pc(\d{1,3})~/.exec(text)
  if (marker === null) return 'not-an-envelope'
  if (marker[1] !== '1') return 'unknown-version'
  const body = text.slice(5)
  if (body.length < 2) return 'truncated'
  if (!/^[\w-]{2}/.test(body)) return 'not-canonical'
  const bytes = Buffer.from(body, 'base64url')
  const overhead = [57, 57, 33][bytes[0]! - 1]
  if (overhead === undefined) return 'unknown-suite'
  const length = Math.floor((body.length * 3) / 4)
  if (length < overhead + 1) return 'truncated'
  if (length - overhead > (bytes[0] === 3 ? 65_536 : 67_108_864)) return 'too-large'
  if (body.length % 4 === 1 || !/^[\w-]{24}/.test(body)) return 'not-canonical'
  if (!bytes.subarray(1, 17).equals(readerKeyId)) return 'wrong-key'
  return bytes.toString('base64url') === body ? 'not-authentic' : 'not-canonical'
}

/** The plaintext of stream vectors: byte i is i modulo 251. */
export function pattern(length: number): Buffer {
  return Buffer.alloc(length, PATTERN)
}

const PATTERN = Uint8Array.from({ length: 251 }, (_, i) => i)

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
