import { fieldFailure, keyId, sealFieldReference } from './reference.ts'
import type { ReferenceContext } from './reference.ts'

export interface FieldCase {
  readonly name: string
  readonly tenantKey: string
  readonly context: ReferenceContext
  readonly field: string
  readonly envelope: string
}
export interface SoundField extends FieldCase {
  readonly suite: 1 | 2 | 3
  readonly nonce: string
  readonly token: string
}
export interface BrokenField extends FieldCase {
  readonly failure: string
}

export const TENANT_KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
const OTHER_TENANT_KEY = 'f0'.repeat(32)
const NONCE = '404142434445464748494a4b4c4d4e4f5051525354555657'
export const CONTEXT: ReferenceContext = {
  organization: 'org-acme',
  site: 'acme',
  app: 'jira',
  store: 'jira',
  dataClass: 'issue',
}

const TOKENS = {
  'a string': '"Portcullis"',
  'an escaped string': String.raw`"\ud83d\ude00 \u00e9\n"`,
  'UTF-8': '"naïve 漢字 😀"',
  'a number beyond doubles': '12345678901234567890.10',
  null: 'null',
  'one byte': '0',
  'an object': '{"type":"doc","version":1,"content":[]}',
  'text like an envelope': '"~pc1~AAAA"',
  '300 bytes': `"${'x'.repeat(298)}"`,
} as const

/** Field vectors as docs/SPEC.md defines them, made by the reference alone. */
export function makeFieldVectors(): { sound: SoundField[]; broken: BrokenField[] } {
  const sound = ([1, 2, 3] as const).flatMap((suite) =>
    Object.entries(TOKENS).map(([what, token]): SoundField =>
      sealed(`suite ${suite}: ${what}`, suite, token),
    ),
  )
  sound.push({
    ...sealed('suite 1: at the root of a document', 1, '"Portcullis"'),
    field: '',
    envelope: sealWith(1, TENANT_KEY, CONTEXT, '', '"Portcullis"'),
  })
  const broken = ([1, 2, 3] as const).flatMap((suite) =>
    brokenFrom(sealed(`suite ${suite}`, suite, TOKENS['a string'])),
  )
  const stray = ([1, 2, 3] as const).flatMap((suite) =>
    ['null', '12345'].flatMap((token) => strayBits(suite, token)),
  )
  return { sound, broken: [...broken, ...stray, ...foreign()] }
}

function sealWith(
  suite: number,
  tenantKey: string,
  context: ReferenceContext,
  field: string,
  token: string,
): string {
  return sealFieldReference(
    suite,
    Buffer.from(tenantKey, 'hex'),
    context,
    field,
    Buffer.from(NONCE, 'hex'),
    token,
  )
}

function sealed(name: string, suite: 1 | 2 | 3, token: string): SoundField {
  const envelope = sealWith(suite, TENANT_KEY, CONTEXT, 'summary', token)
  return {
    name,
    suite,
    tenantKey: TENANT_KEY,
    context: CONTEXT,
    field: 'summary',
    nonce: NONCE,
    token,
    envelope,
  }
}

function brokenFrom({ name, tenantKey, context, field, envelope, suite }: SoundField): BrokenField[] {
  const id = keyId(Buffer.from(tenantKey, 'hex'))
  const base = { tenantKey, context, field }
  const body = Buffer.from(envelope.slice(5), 'base64url')
  const broken = (what: string, text: string, failure = fieldFailure(text, id)): BrokenField => ({
    ...base,
    name: `${name}: ${what}`,
    envelope: text,
    failure,
  })
  const moved = (what: string, change: Partial<ReferenceContext>): BrokenField => ({
    ...broken(`read in another ${what}`, envelope, 'not-authentic'),
    context: { ...context, ...change },
  })
  const flips = [...body.keys()].map((at) => {
    const changed = Buffer.from(body)
    changed[at]! ^= 1 << (at % 8)
    return broken(`bit ${at % 8} of byte ${at} flipped`, `~pc1~${changed.toString('base64url')}`)
  })
  const cuts = Array.from({ length: envelope.length }, (_, length) =>
    broken(`cut to ${length} characters`, envelope.slice(0, length)),
  )
  const replaced = (at: number, character: string): string =>
    envelope.slice(0, at) + character + envelope.slice(at + 1)
  return [
    ...flips,
    ...cuts,
    broken('one byte more', `~pc1~${Buffer.concat([body, Buffer.from([0])]).toString('base64url')}`),
    broken('itself again', envelope + envelope),
    broken('version 2', `~pc2~${envelope.slice(5)}`),
    broken('version 01', `~pc01~${envelope.slice(5)}`),
    broken('version 999', `~pc999~${envelope.slice(5)}`),
    broken('suite 0', `~pc1~${Buffer.concat([Buffer.from([0]), body.subarray(1)]).toString('base64url')}`),
    broken(
      'suite 255',
      `~pc1~${Buffer.concat([Buffer.from([255]), body.subarray(1)]).toString('base64url')}`,
    ),
    broken('padded', `${envelope}${'='.repeat((4 - ((envelope.length - 5) % 4)) % 4) || '===='}`),
    broken('a space inside', replaced(40, ' ')),
    broken('a line feed inside', replaced(40, '\n')),
    broken('a plus sign inside', replaced(40, '+')),
    broken('a slash inside', replaced(40, '/')),
    broken('an equals sign inside', replaced(40, '=')),
    broken('a letter outside ASCII inside', replaced(40, 'é')),
    broken('a NUL inside', replaced(40, '\0')),
    broken('a space in the key identifier', replaced(12, ' ')),
    moved('organization', { organization: 'org-other' }),
    moved('site', { site: 'other' }),
    moved('app', { app: 'confluence' }),
    moved('store', { store: 'search' }),
    moved('data class', { dataClass: 'comment' }),
    { ...broken('swapped between two fields', envelope, 'not-authentic'), field: 'description' },
    { ...broken('a field name cut short', envelope, 'not-authentic'), field: 'summar' },
    {
      ...broken('swapped between two tenants', envelope, 'wrong-key'),
      tenantKey: OTHER_TENANT_KEY,
      context: { ...context, organization: 'org-other', site: 'other' },
    },
    {
      ...broken('under another key, with this identifier', forged(suite, id), 'not-authentic'),
    },
  ]
}

/** Every spelling that sets bits of the last character that stand for nothing; other lengths have no such bits. */
function strayBits(suite: 1 | 2 | 3, token: string): BrokenField[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const envelope = sealWith(suite, TENANT_KEY, CONTEXT, 'summary', token)
  const unused = [0, 0, 4, 2][(envelope.length - 5) % 4]!
  const last = alphabet.indexOf(envelope.at(-1)!)
  return Array.from({ length: 2 ** unused - 1 }, (_, i) => ({
    name: `suite ${suite}: ${token} with unused bits ${i + 1}`,
    tenantKey: TENANT_KEY,
    context: CONTEXT,
    field: 'summary',
    envelope: envelope.slice(0, -1) + alphabet[last | (i + 1)]!,
    failure: 'not-canonical',
  }))
}

/** An envelope that claims a key identifier it was not sealed under. */
function forged(suite: number, id: Buffer): string {
  const body = Buffer.from(
    sealWith(suite, OTHER_TENANT_KEY, CONTEXT, 'summary', '"forged"').slice(5),
    'base64url',
  )
  id.copy(body, 1)
  return `~pc1~${body.toString('base64url')}`
}

/** Texts that were never envelopes. */
function foreign(): BrokenField[] {
  const texts = [
    '',
    '~',
    '~pc',
    '~pc1',
    '~pc~',
    '~pcA~AAAA',
    '~PC1~AAAA',
    '~pc1234~AAAA',
    'Portcullis',
    ' ~pc1~AAAA',
  ]
  return texts.map((envelope) => ({
    name: `never an envelope: ${JSON.stringify(envelope)}`,
    tenantKey: TENANT_KEY,
    context: CONTEXT,
    field: 'summary',
    envelope,
    failure: 'not-an-envelope',
  }))
}
