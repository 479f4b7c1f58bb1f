import { beforeEach, describe, expect, test } from 'vitest'
import { SecureMemory } from '../../src/crypto/secure-memory.ts'
import { PortcullisError } from '../../src/errors.ts'
import { deriveKeyId } from '../../src/keyring/key-id.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from '../../src/keyring/key-service.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import type { KeyringOptions } from '../../src/keyring/options.ts'
import type { TenantKey } from '../../src/keyring/tenant-key.ts'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import type { DataClass, KeyAuthority, TenantApp } from '../../src/tenant/tenant.ts'
import { DATA_CLASSES } from '../../src/tenant/tenant.ts'
import { RecordingAudit } from '../kms/recording-audit.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { MemoryKeyService } from './memory-key-service.ts'

const MINUTE_MS = 60_000
const DENIED = new KeyAccessDenied('key-disabled', 'eu-central-1', 'DisabledException', 'request-1')

function authority(id: string): KeyAuthority {
  const keys = [{ region: 'eu-central-1', keyArn: `arn:aws:kms:eu-central-1:111122223333:key/${id}` }]
  const account = { accountId: '111122223333', roleArn: 'arn:role', externalId: id }
  return { id, kind: 'byok', location: 'europe', ...account, keys }
}

const ACME: TenantApp = {
  organization: 'acme',
  site: 'acme-one',
  app: 'jira',
  authority: authority('acme'),
}
const ACME_TWO: TenantApp = { ...ACME, site: 'acme-two' }
const GLOBEX: TenantApp = {
  organization: 'globex',
  site: 'globex-one',
  app: 'jira',
  authority: authority('globex'),
}

let clock: FakeClock
let keyService: MemoryKeyService
let store: Registry
let memory: SecureMemory
let audit: RecordingAudit

function newKeyring(options: Partial<KeyringOptions> = {}): Keyring {
  return new Keyring({ keyService, store, memory, audit, clock, random: () => 0.5, ...options })
}

/** A key of a scope, and its bytes for comparison. */
async function fieldKey(keyring: Keyring, tenant: TenantApp, dataClass: DataClass = 'issue') {
  const key = await keyring.active({ tenant, dataClass })
  return { key, bytes: Buffer.from(key.derived('field-1')) }
}

async function rejection(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt()
  } catch (thrown) {
    return thrown
  }
  throw new Error('expected a rejection')
}

beforeEach(async () => {
  clock = new FakeClock()
  keyService = new MemoryKeyService()
  store = await Registry.load(new SqliteDatabase(':memory:'))
  memory = new SecureMemory()
  audit = new RecordingAudit()
})

describe('the first use of a scope', () => {
  test('keeps no more of a wrapped copy than its bytes, whatever buffer they came in', async () => {
    await newKeyring().active({ tenant: ACME, dataClass: 'issue' })
    const { ciphertext } = store.newest({ site: ACME.site, app: ACME.app, dataClass: 'issue' })!.copies[0]!
    expect(ciphertext.buffer.byteLength).toBe(ciphertext.length)
  })

  test('makes version 1, stores it before it can be used, and says so', async () => {
    const keyring = newKeyring()
    const order: string[] = []
    const add = store.add.bind(store)
    store.add = async (row) => {
      order.push('stored')
      return add(row)
    }
    const key = await keyring.active({ tenant: ACME, dataClass: 'issue' })
    order.push('usable')
    expect(order).toEqual(['stored', 'usable'])
    const row = store.newest({ site: 'acme-one', app: 'jira', dataClass: 'issue' })
    expect(row).toMatchObject({ version: 1, organization: 'acme', authorityId: 'acme' })
    expect(row?.keyId).toBe(Buffer.from(key.id).toString('hex'))
    expect(audit.of('tenant-key.created')).toHaveLength(1)
    expect(keyService.contexts).toEqual([
      {
        'portcullis:organization': 'acme',
        'portcullis:site': 'acme-one',
        'portcullis:app': 'jira',
        'portcullis:data-class': 'issue',
        'portcullis:purpose': 'tenant-key',
        'portcullis:key-id': row?.keyId,
      },
    ])
  })

  test('makes one key however many ask at once', async () => {
    const keyring = newKeyring()
    const keys = await Promise.all(Array.from({ length: 30 }, async () => fieldKey(keyring, ACME)))
    expect(keyService.wraps).toBe(1)
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1)
  })

  test('gives every data class, app and site a key of its own', async () => {
    const keyring = newKeyring()
    const scopes = DATA_CLASSES.flatMap((dataClass) => [
      { tenant: ACME, dataClass },
      { tenant: ACME_TWO, dataClass },
      { tenant: { ...ACME, app: 'confluence' as const }, dataClass },
    ])
    const keys = await Promise.all(
      scopes.map(async ({ tenant, dataClass }) => fieldKey(keyring, tenant, dataClass)),
    )
    expect(new Set(keys.map(({ bytes }) => bytes.toString('hex'))).size).toBe(scopes.length)
  })

  test('takes the key of another process that was first', async () => {
    const first = newKeyring()
    const second = newKeyring()
    const [a, b] = await Promise.all([fieldKey(first, ACME), fieldKey(second, ACME)])
    expect(a.bytes).toEqual(b.bytes)
    expect(store.ofAuthority('acme')).toHaveLength(1)
    expect(memory.slotsLive).toBe(4)
  })

  test('that fails leaves nothing in memory and is not repeated at once', async () => {
    const keyring = newKeyring()
    keyService.failure = new KeyServiceUnavailable('throttled')
    for (let index = 0; index < 5; index += 1) {
      expect(await rejection(() => keyring.active({ tenant: ACME, dataClass: 'issue' }))).toMatchObject({
        code: 'key-service-unavailable',
      })
    }
    expect(keyService.wraps).toBe(1)
    expect(memory.slotsLive).toBe(0)
    keyService.failure = undefined
    await clock.advance(1_000)
    await expect(fieldKey(keyring, ACME)).resolves.toBeDefined()
  })
})

describe('a warm key', () => {
  test('is answered at once, by scope and by identifier, with the same object', async () => {
    const keyring = newKeyring()
    const key = await keyring.active({ tenant: ACME, dataClass: 'issue' })
    expect(keyring.active({ tenant: ACME, dataClass: 'issue' })).toBe(key)
    const envelope = Buffer.concat([Buffer.from([1]), key.id, Buffer.alloc(40)])
    expect(keyring.byIdAt([ACME_TWO, ACME], envelope, 1)).toBe(key)
    expect(keyring.byId([ACME], Buffer.from(key.id).toString('hex'))).toBe(key)
  })

  test('costs no call to KMS however often it is used', async () => {
    const keyring = newKeyring()
    await fieldKey(keyring, ACME)
    for (let index = 0; index < 1_000; index += 1) void keyring.active({ tenant: ACME, dataClass: 'issue' })
    expect(keyService.unwraps).toBe(0)
  })

  test('derives distinct keys per purpose, of the lengths of the specification', async () => {
    const { key } = await fieldKey(newKeyring(), ACME)
    const derived = (['field-1', 'field-2', 'field-3', 'stream'] as const).map((purpose) =>
      Buffer.from(key.derived(purpose)),
    )
    expect(derived.map(({ length }) => length)).toEqual([32, 32, 64, 32])
    expect(new Set(derived.map((bytes) => bytes.subarray(0, 32).toString('hex'))).size).toBe(4)
    expect(Buffer.from(key.derived('stream'))).toEqual(derived[3])
  })

  test('gives way to the next version after a rotation, and still decrypts', async () => {
    const keyring = newKeyring()
    const old = await fieldKey(keyring, ACME)
    await keyring.rotate({ tenant: ACME, dataClass: 'issue' })
    const next = await fieldKey(keyring, ACME)
    expect(next.bytes).not.toEqual(old.bytes)
    expect(store.newest({ site: 'acme-one', app: 'jira', dataClass: 'issue' })?.version).toBe(2)
    expect(keyring.byIdAt([ACME], old.key.id, 0)).toBe(old.key)
  })
})

describe('a look-up by identifier', () => {
  test('unwraps once, wipes what KMS gave, and checks the key against its identifier', async () => {
    const { key, bytes } = await fieldKey(newKeyring(), ACME)
    const cold = newKeyring()
    const found = await Promise.all(Array.from({ length: 10 }, async () => cold.byIdAt([ACME], key.id, 0)))
    expect(keyService.unwraps).toBe(1)
    expect(Buffer.from(found[0]!.derived('field-1'))).toEqual(bytes)
    expect(keyService.given).toEqual([new Uint8Array(32)])
  })

  test.each([
    ['of another organization', [GLOBEX]],
    ['of another site of the same organization', [ACME_TWO]],
    ['of another app of the same site', [{ ...ACME, app: 'confluence' as const }]],
    ['for a tenant that claims the site under another organization', [{ ...GLOBEX, site: 'acme-one' }]],
    [
      'for a tenant that claims the site under another authority',
      [{ ...ACME, authority: authority('globex') }],
    ],
    ['for nobody', []],
  ])('finds no key %s, cold or warm, and asks KMS nothing', async (_whose, tenants) => {
    const warm = newKeyring()
    const { key } = await fieldKey(warm, ACME)
    for (const keyring of [warm, newKeyring()]) {
      expect(await rejection(() => keyring.byIdAt(tenants, key.id, 0))).toMatchObject({
        code: 'ciphertext-invalid',
      })
    }
    expect(keyService.unwraps).toBe(0)
  })

  test('of an unknown key asks the store once in a while and KMS never', async () => {
    const keyring = newKeyring()
    let refreshes = 0
    const refresh = store.refresh.bind(store)
    store.refresh = () => {
      refreshes += 1
      return refresh()
    }
    for (let index = 0; index < 50; index += 1) {
      expect(await rejection(() => keyring.byId([ACME], 'ab'.repeat(16)))).toMatchObject({
        code: 'ciphertext-invalid',
      })
    }
    expect(refreshes).toBe(1)
    expect(keyService.unwraps).toBe(0)
  })

  test.each(['', 'AB'.repeat(16), 'ab'.repeat(15), 'zz'.repeat(16)])(
    'refuses %j as an identifier',
    (text) => {
      expect(() => newKeyring().byId([ACME], text)).toThrow(PortcullisError)
    },
  )

  test('refuses a key that does not match its identifier, and remembers', async () => {
    const { key } = await fieldKey(newKeyring(), ACME)
    const cold = newKeyring()
    keyService.substitute = new Uint8Array(32).fill(9)
    for (let index = 0; index < 3; index += 1) {
      expect(await rejection(() => cold.byIdAt([ACME], key.id, 0))).toMatchObject({
        code: 'ciphertext-invalid',
      })
    }
    expect(keyService.unwraps).toBe(1)
    expect(audit.of('ciphertext.refused')).toHaveLength(1)
    expect(cold.size).toBe(0)
  })

  test.each([31, 33])('refuses an unwrapped key of %i bytes', async (length) => {
    const { key } = await fieldKey(newKeyring(), ACME)
    keyService.substitute = new Uint8Array(length)
    expect(await rejection(() => newKeyring().byIdAt([ACME], key.id, 0))).toMatchObject({
      code: 'ciphertext-invalid',
    })
  })

  test('reports a denial to whoever judges it, and throws what that returns', async () => {
    const { key } = await fieldKey(newKeyring(), ACME)
    const cold = newKeyring()
    const refusal = new PortcullisError('tenant-suspended', 'suspended')
    const reported: unknown[] = []
    cold.reportDenialsTo({
      unwrapDenied: (...about) => {
        reported.push(about)
        return refusal
      },
      wrapDenied: () => expect.fail('this was an unwrap'),
    })
    keyService.failure = DENIED
    expect(await rejection(() => cold.byIdAt([ACME], key.id, 0))).toBe(refusal)
    expect(reported).toEqual([[ACME.authority, DENIED, Buffer.from(key.id).toString('hex')]])
  })
})

describe('the life of a cached key', () => {
  test('is absolute: using it all the time does not prolong it', async () => {
    const keyring = newKeyring({ lifetimeMs: 60 * MINUTE_MS, refreshAfterMs: 30 * MINUTE_MS })
    const { key } = await fieldKey(keyring, ACME)
    keyService.failure = new KeyServiceUnavailable('outage')
    for (let minute = 0; minute < 59; minute += 1) {
      await clock.advance(MINUTE_MS)
      expect(keyring.active({ tenant: ACME, dataClass: 'issue' })).toBe(key)
    }
    await clock.advance(MINUTE_MS)
    expect(await rejection(() => keyring.active({ tenant: ACME, dataClass: 'issue' }))).toMatchObject({
      code: 'key-service-unavailable',
    })
    expect(key.alive).toBe(false)
    expect(() => key.derived('field-1')).toThrow()
  })

  test('is renewed in the background before it ends, with one unwrap', async () => {
    const keyring = newKeyring({ lifetimeMs: 60 * MINUTE_MS, refreshAfterMs: 30 * MINUTE_MS })
    const { key } = await fieldKey(keyring, ACME)
    for (let minute = 0; minute < 300; minute += 1) {
      await clock.advance(MINUTE_MS)
      expect(keyring.active({ tenant: ACME, dataClass: 'issue' })).toBe(key)
    }
    // Jitter 0.5 of 0.3: after about 25 minutes each time.
    expect(keyService.unwraps).toBe(11)
    expect(keyService.given.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
  })

  test('ends by itself when nobody uses it, and the bytes are gone', async () => {
    const keyring = newKeyring()
    await fieldKey(keyring, ACME)
    await clock.advance(61 * MINUTE_MS)
    expect(keyring.size).toBe(0)
    expect(memory.slotsLive).toBe(0)
    expect(memory.freeBytesAreZero()).toBe(true)
    expect(clock.timers).toBe(0)
    expect(keyService.unwraps).toBe(0)
  })

  test('bridges an outage that begins when the next renewal is due', async () => {
    const graceMs = 15 * MINUTE_MS
    const keyring = newKeyring({
      lifetimeMs: 30 * MINUTE_MS,
      refreshAfterMs: 15 * MINUTE_MS,
      outageGraceMs: graceMs,
      random: () => 0,
    })
    const { key } = await fieldKey(keyring, ACME)
    while (keyService.unwraps === 0) {
      keyService.failure = new KeyServiceUnavailable('outage')
      void keyring.active({ tenant: ACME, dataClass: 'issue' })
      await clock.advance(1_000)
    }
    const outageMs = clock.now()
    while (clock.now() - outageMs < graceMs) {
      expect(keyring.active({ tenant: ACME, dataClass: 'issue' })).toBe(key)
      await clock.advance(1_000)
    }
  })

  test('spreads the renewals of keys that were loaded together', async () => {
    let draw = 0
    const keyring = newKeyring({ random: () => (draw++ % 100) / 100 })
    const tenants = Array.from({ length: 100 }, (_, index) => ({ ...ACME, site: `acme-${index}` }))
    await Promise.all(tenants.map(async (tenant) => fieldKey(keyring, tenant)))
    const perMinute: number[] = []
    for (let minute = 0; minute < 31; minute += 1) {
      const before = keyService.unwraps
      await clock.advance(MINUTE_MS)
      for (const tenant of tenants) void keyring.active({ tenant, dataClass: 'issue' })
      await settle()
      perMinute.push(keyService.unwraps - before)
    }
    expect(keyService.unwraps).toBe(100)
    expect(Math.max(...perMinute)).toBeLessThan(20)
  })

  test('must outlast an outage from the moment of the latest refresh, or the options are refused', () => {
    const options = {
      lifetimeMs: 30 * MINUTE_MS,
      refreshAfterMs: 20 * MINUTE_MS,
      outageGraceMs: 15 * MINUTE_MS,
    }
    expect(() => newKeyring(options)).toThrow(/outageGraceMs/)
    expect(() => newKeyring({ ...options, refreshAfterMs: 15 * MINUTE_MS })).not.toThrow()
    expect(() => newKeyring({ keysMax: 5, keysPerAuthorityMax: 6 })).toThrow(RangeError)
    expect(() => newKeyring({ lifetimeMs: Number.NaN })).toThrow(RangeError)
  })
})

describe('the caps', () => {
  async function fill(keyring: Keyring, tenants: readonly TenantApp[]): Promise<TenantKey[]> {
    const keys: TenantKey[] = []
    for (const tenant of tenants) {
      keys.push(await keyring.active({ tenant, dataClass: 'issue' }))
    }
    return keys
  }

  test('evict the least used key of the authority that is over its own', async () => {
    const keyring = newKeyring({ keysMax: 100, keysPerAuthorityMax: 3 })
    const globex = await fieldKey(keyring, GLOBEX)
    const sites = Array.from({ length: 4 }, (_, index) => ({ ...ACME, site: `acme-${index}` }))
    const keys = await fill(keyring, sites.slice(0, 3))
    void keyring.byIdAt([sites[0]!], keys[0]!.id, 0)
    const [last] = await fill(keyring, sites.slice(3))
    expect([...keys, last!].map(({ alive }) => alive)).toEqual([true, false, true, true])
    expect(globex.key.alive).toBe(true)
  })

  test('in total hold as well, and evicted keys come back when they are needed', async () => {
    const keyring = newKeyring({ keysMax: 5, keysPerAuthorityMax: 5 })
    const sites = Array.from({ length: 20 }, (_, index) => ({ ...ACME, site: `acme-${index}` }))
    const keys = await fill(keyring, sites)
    expect(keyring.size).toBe(5)
    expect(keys.filter(({ alive }) => alive)).toHaveLength(5)
    const again = await keyring.byIdAt([sites[0]!], keys[0]!.id, 0)
    expect(again.alive).toBe(true)
    expect(memory.freeBytesAreZero()).toBe(true)
  })

  test('of secure memory evict too, instead of failing', async () => {
    memory = new SecureMemory({ arenaBytes: 4096, bytesMax: 4096 })
    const keyring = newKeyring()
    const sites = Array.from({ length: 200 }, (_, index) => ({ ...ACME, site: `acme-${index}` }))
    for (const tenant of sites) await fieldKey(keyring, tenant)
    expect(keyring.size).toBeGreaterThan(10)
    expect(keyring.size).toBeLessThan(100)
  })

  test('keep keys apart whose identifiers begin alike', async () => {
    const keyring = newKeyring()
    const { key } = await fieldKey(keyring, ACME)
    const alike = Uint8Array.from(key.id)
    alike[15]! ^= 1
    expect(await rejection(() => keyring.byIdAt([ACME], alike, 0))).toMatchObject({
      code: 'ciphertext-invalid',
    })
    expect(keyring.byIdAt([ACME], key.id, 0)).toBe(key)
  })
})

describe('wiping an authority', () => {
  const refusal = new PortcullisError('tenant-suspended', 'suspended')

  test('zeroes its keys at once, closes it, forgets its credentials and leaves others alone', async () => {
    const keyring = newKeyring()
    const { key } = await fieldKey(keyring, ACME)
    const other = await fieldKey(keyring, GLOBEX)
    expect(keyring.wipeAuthority('acme', () => refusal)).toBe(1)
    expect(key.alive).toBe(false)
    expect(() => key.derived('field-1')).toThrow()
    expect(() => key.derived('stream')).toThrow()
    expect(other.key.alive).toBe(true)
    expect(memory.freeBytesAreZero()).toBe(true)
    expect(keyService.forgotten).toEqual(['acme'])
    expect(await rejection(() => keyring.active({ tenant: ACME, dataClass: 'issue' }))).toBe(refusal)
    expect(await rejection(() => keyring.byIdAt([ACME], key.id, 0))).toBe(refusal)
    expect(await rejection(() => keyring.rotate({ tenant: ACME, dataClass: 'issue' }))).toBe(refusal)
    expect(keyService.unwraps).toBe(0)
    keyring.reopenAuthority('acme')
    expect((await fieldKey(keyring, ACME)).key.alive).toBe(true)
  })

  test('catches keys that are on their way from KMS', async () => {
    const { key } = await fieldKey(newKeyring(), ACME)
    const cold = newKeyring()
    let open = (): void => undefined
    keyService.gate = new Promise((resolve) => (open = resolve))
    const loading = rejection(() => cold.byIdAt([ACME], key.id, 0))
    await settle()
    cold.wipeAuthority('acme', () => refusal)
    cold.reopenAuthority('acme')
    open()
    expect(await loading).toMatchObject({ code: 'key-service-unavailable' })
    expect(cold.size).toBe(0)
    expect(keyService.given).toEqual([new Uint8Array(32)])
  })

  test('catches a key that is being made: it is stored, but not in memory', async () => {
    const keyring = newKeyring()
    let open = (): void => undefined
    keyService.gate = new Promise((resolve) => (open = resolve))
    const making = rejection(() => keyring.active({ tenant: ACME, dataClass: 'issue' }))
    await settle()
    keyring.wipeAuthority('acme', () => refusal)
    open()
    expect(await making).toBe(refusal)
    expect(keyring.size).toBe(0)
    expect(memory.slotsLive).toBe(0)
  })

  test('lets a first key be made for a proof, without letting it be used', async () => {
    const keyring = newKeyring()
    keyring.wipeAuthority('acme', () => refusal)
    const row = await keyring.provision({ tenant: ACME, dataClass: 'issue' })
    expect(row.version).toBe(1)
    expect(keyring.size).toBe(0)
    expect(memory.slotsLive).toBe(0)
    expect(await keyring.provision({ tenant: ACME, dataClass: 'issue' })).toEqual(row)
  })
})

test('the identifier of a key is fixed by the specification', () => {
  // HKDF-SHA256, no salt, info "portcullis/key-id/v1", 16 bytes; computed with an independent implementation.
  const key = Uint8Array.from({ length: 32 }, (_, index) => index)
  expect(Buffer.from(deriveKeyId(key)).toString('hex')).toBe('940156d081f3d86ecda0d3d3d787213e')
})
