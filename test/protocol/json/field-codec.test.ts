import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EnvelopeError } from '../../../src/envelope/envelope-error.ts'
import type { PortcullisError } from '../../../src/errors.ts'
import { EnvelopeCodec, type EnvelopeCodecOptions } from '../../../src/protocol/json/field-codec.ts'
import { sealQuery } from '../../../src/protocol/json/query.ts'
import { transformWhole } from '../../../src/protocol/json/transform-whole.ts'
import { ISSUE_STATE, SEARCHABLE, state } from './coverage.ts'
import { jsonText } from './json-text.ts'
import { everyByte, inChunks, open, refusal, seal } from './run.ts'
import { SharedKeys, tenant } from './tenant-keys.ts'

const keys = new SharedKeys()
const JIRA = tenant('acme-site', 'jira')
const SERVICE_MANAGEMENT = tenant('acme-site', 'jira-service-management')
const keyring = keys.keyring()

function codecOf(options: Partial<EnvelopeCodecOptions> = {}): EnvelopeCodec {
  const all = {
    keyring,
    writer: JIRA,
    readers: [JIRA, SERVICE_MANAGEMENT],
    store: 'issues',
    profile: 'default',
  } as const
  return new EnvelopeCodec({ ...all, ...options })
}

const BODY =
  '{"fields":{"summary":"a \\u00e9 summary","label":"urgent","n":null},"comments":[{"text":"hello"}]}'

describe('tenant keys', () => {
  test('seal and open any document byte for byte, whole and in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(jsonText(), async (body) => {
        const sealed = await seal(body, ISSUE_STATE, codecOf())
        expect((await open(sealed, ISSUE_STATE, codecOf())).equals(body)).toBe(true)
        const options = { direction: 'open', state: ISSUE_STATE, codec: codecOf() } as const
        expect((await inChunks(sealed, everyByte(sealed), options)).equals(body)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('hide what they seal, differently each time, except in searchable fields', async () => {
    const one = JSON.parse((await seal(BODY, ISSUE_STATE, codecOf())).toString()) as typeof two
    const two = JSON.parse((await seal(BODY, ISSUE_STATE, codecOf())).toString()) as {
      fields: Record<string, string>
    }
    expect(JSON.stringify(one)).not.toMatch(/summary":"a|urgent|hello/)
    expect(one.fields['summary']).not.toBe(two.fields['summary'])
    expect(one.fields['label']).toBe(two.fields['label'])
    const parameter = { name: 'label', fieldName: 'label', rule: SEARCHABLE }
    expect(await sealQuery('?label=urgent', [parameter], codecOf())).toBe(`?label=${one.fields['label']}`)
  })

  test('that are not in memory are loaded on the way, one after the other', async () => {
    const sealed = await seal(BODY, ISSUE_STATE, codecOf())
    const cold = keys.keyring()
    const opened = transformWhole(sealed, {
      direction: 'open',
      state: ISSUE_STATE,
      codec: codecOf({ keyring: cold }),
    })
    expect(opened).toBeInstanceOf(Promise)
    expect((await opened).toString()).toBe(BODY)
    expect(cold.size).toBe(2)
    const again = transformWhole(sealed, {
      direction: 'open',
      state: ISSUE_STATE,
      codec: codecOf({ keyring: cold }),
    })
    expect(again).toBeInstanceOf(Buffer)
  })

  test('of every app of the store on the site may open', async () => {
    const sealed = await seal(BODY, ISSUE_STATE, codecOf({ writer: SERVICE_MANAGEMENT }))
    expect((await open(sealed, ISSUE_STATE, codecOf())).toString()).toBe(BODY)
  })

  test('seal under the FIPS profile and are read under any', async () => {
    const body = '{"fields":{"summary":"x"}}'
    const sealed = await seal(body, ISSUE_STATE, codecOf({ profile: 'fips' }))
    expect((await open(sealed, ISSUE_STATE, codecOf())).toString()).toBe(body)
  })
})

describe('a value does not open', () => {
  const failure = async (
    sealed: Buffer | string,
    coverage = ISSUE_STATE,
    codec = codecOf(),
  ): Promise<unknown> => {
    const error: PortcullisError = await refusal(open(sealed, coverage, codec))
    expect(error.code).toBe('ciphertext-invalid')
    return error.cause instanceof EnvelopeError ? error.cause.failure : undefined
  }

  test('under another field name', async () => {
    const sealed = (await seal('{"fields":{"summary":"x"}}', ISSUE_STATE, codecOf())).toString()
    expect(await failure(sealed.replace('summary', 'environment'))).toBe('not-authentic')
  })

  test('in another data class', async () => {
    const sealed = (await seal('{"fields":{"text":"x"}}', ISSUE_STATE, codecOf())).toString()
    const [envelope] = sealed.match(/"~pc1~[^"]+"/)!
    expect(await failure(`{"comments":[{"text":${envelope}}]}`)).toBe('wrong-key')
  })

  test('in another store', async () => {
    const sealed = await seal(BODY, ISSUE_STATE, codecOf())
    expect(await failure(sealed, ISSUE_STATE, codecOf({ store: 'other' }))).toBe('not-authentic')
  })

  test('for an app, a site or an organization that does not own its key', async () => {
    const sealed = await seal(BODY, ISSUE_STATE, codecOf())
    for (const reader of [
      SERVICE_MANAGEMENT,
      tenant('other-site', 'jira'),
      tenant('acme-site', 'jira', 'other'),
    ]) {
      expect(await failure(sealed, ISSUE_STATE, codecOf({ readers: [reader] }))).toBeUndefined()
    }
  })

  test('with any bit of it changed', async () => {
    const sealed = (await seal('{"fields":{"summary":"x"}}', ISSUE_STATE, codecOf())).toString()
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const from = sealed.indexOf('~pc1~') + 5
    for (let at = from; at < sealed.length - 3; at++) {
      for (let bit = 1; bit < 64; bit <<= 1) {
        const digit = digits[digits.indexOf(sealed[at]!) ^ bit]!
        await failure(sealed.slice(0, at) + digit + sealed.slice(at + 1))
      }
    }
  })
})

test('a searchable value beyond what its suite takes is refused as too large', async () => {
  const body = JSON.stringify({ fields: { label: 'x'.repeat(64 * 1024) } })
  expect((await refusal(seal(body, ISSUE_STATE, codecOf()))).code).toBe('body-too-large')
})

test('a searchable field under the FIPS profile is a defect of the configuration', async () => {
  const work = seal('{"fields":{"label":"x"}}', ISSUE_STATE, codecOf({ profile: 'fips' }))
  expect((await refusal(work)).code).toBe('internal')
})

test('a long field name is refused and not cut', async () => {
  const body = `{"${'n'.repeat(4096)}":1}`
  expect((await open(await seal(body, state([]), codecOf()), state([]), codecOf())).toString()).toBe(body)
  expect((await refusal(seal(`{"${'n'.repeat(4097)}":1}`, state([]), codecOf()))).code).toBe('json-malformed')
})

test('a value of several megabytes passes through pieces of 64 KiB in both directions', async () => {
  const text = JSON.stringify('0123456789 "quoted" \u20ac\n'.repeat(200_000))
  const body = Buffer.from(`{"fields":{"description":{"text":${text}},"summary":${text}}}`)
  const cuts = (bytes: number): number[] =>
    Array.from({ length: Math.floor((bytes - 1) / 65_536) }, (_, index) => (index + 1) * 65_536)
  const sealed = await inChunks(body, cuts(body.length), {
    direction: 'seal',
    state: ISSUE_STATE,
    codec: codecOf(),
  })
  expect(sealed.length).toBeGreaterThan((body.length * 4) / 3)
  const opened = await inChunks(sealed, cuts(sealed.length), {
    direction: 'open',
    state: ISSUE_STATE,
    codec: codecOf(),
  })
  expect(opened.equals(body)).toBe(true)
})
