import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Registry } from '../../src/registry/registry.ts'
import type { SqlEngine } from '../../src/registry/sql/engine.ts'
import { SqlRegistryDatabase } from '../../src/registry/sql/sql-database.ts'
import type { Suspension } from '../../src/registry/suspension.ts'
import { wrappedKey } from './wrapped-key.ts'

/** A backend under test. */
export interface Backend {
  readonly name: string
  /** A new and empty database: each call of the function opens it once more, as another process would. */
  create(): Promise<() => Promise<SqlEngine>>
  /** Makes the database of the last `create` go away. */
  remove(): Promise<void>
}

const SUSPENSION: Suspension = {
  id: '0b9a3f52-58a4-4e61-8a37-4b0f6c1f9a01',
  authorityId: 'acme',
  reason: 'key-disabled',
  scope: 'organization',
  since: '2026-11-22T01:02:03.004Z',
  keyId: '00112233445566778899aabbccddeeff',
  region: 'eu-west-1',
  awsError: 'DisabledException',
  awsRequestId: 'request-1',
}

/** What wrapped keys and suspensions do on every backend. */
export function registrySuite(backend: Backend): void {
  describe(`the registry on ${backend.name}`, () => {
    let open: () => Promise<SqlEngine>
    let registry: Registry
    const opened: Registry[] = []

    async function load(): Promise<Registry> {
      const loaded = await Registry.load(new SqlRegistryDatabase(await open()))
      opened.push(loaded)
      return loaded
    }

    beforeEach(async () => {
      open = await backend.create()
      registry = await load()
    })

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()))
      await backend.remove()
    })

    test('keeps a wrapped key byte for byte over a restart', async () => {
      const key = wrappedKey(1)
      expect(await registry.add(key)).toEqual(key)
      await registry.close()
      const again = await load()
      expect(again.byId(key.keyId)).toEqual(key)
      expect(again.newest(key)).toEqual(key)
      expect(again.ofAuthority('acme')).toEqual([key])
    })

    test('answers the newest version of a scope, and the older ones by identifier', async () => {
      await registry.add(wrappedKey(2, { version: 2 }))
      await registry.add(wrappedKey(1, { version: 1 }))
      expect(registry.newest(wrappedKey(0))?.version).toBe(2)
      expect(registry.byId(wrappedKey(1).keyId)?.version).toBe(1)
      expect(registry.newest({ ...wrappedKey(0), dataClass: 'comment' })).toBeUndefined()
      expect(registry.newest({ ...wrappedKey(0), site: 'acme-two' })).toBeUndefined()
      expect(registry.ofAuthority('globex')).toEqual([])
    })

    test('lets the first of two writers of one version win, and both see its key', async () => {
      const other = await load()
      const [first, second] = await Promise.all([registry.add(wrappedKey(1)), other.add(wrappedKey(2))])
      expect(second).toEqual(first)
      expect(registry.newest(wrappedKey(0))).toEqual(other.newest(wrappedKey(0)))
      // Which of them is first is up to the database.
      const beaten = [wrappedKey(1), wrappedKey(2)].find(({ keyId }) => keyId !== first.keyId)!
      expect(registry.byId(beaten.keyId)).toBeUndefined()
      expect(other.byId(beaten.keyId)).toBeUndefined()
    })

    test('takes in the keys of other processes on refresh, and counts the change', async () => {
      const other = await load()
      await other.add(wrappedKey(1))
      expect(registry.byId(wrappedKey(1).keyId)).toBeUndefined()
      const before = registry.generation
      await Promise.all([registry.refresh(), registry.refresh()])
      expect(registry.byId(wrappedKey(1).keyId)).toEqual(wrappedKey(1))
      expect(registry.generation).toBe(before + 1)
      await registry.refresh()
      expect(registry.generation).toBe(before + 1)
    })

    test.each([
      ['an identifier that is none', { keyId: 'XYZ' }],
      ['version 0', { version: 0 }],
      ['no copies', { copies: [] }],
      ['an empty copy', { copies: [{ region: 'r', keyArn: 'a', ciphertext: new Uint8Array(0) }] }],
      ['an oversized copy', { copies: [{ region: 'r', keyArn: 'a', ciphertext: new Uint8Array(6_145) }] }],
    ])('refuses a key with %s', async (_what, members) => {
      await expect(registry.add(wrappedKey(1, members))).rejects.toThrow(RangeError)
      expect(registry.ofAuthority('acme')).toEqual([])
    })

    test('stores nothing of a key whose copies cannot all be stored', async () => {
      const [copy] = wrappedKey(1).copies
      await expect(registry.add(wrappedKey(1, { copies: [copy!, copy!] }))).rejects.toThrow()
      const again = await load()
      expect(again.ofAuthority('acme')).toEqual([])
      await expect(again.add(wrappedKey(3))).resolves.toEqual(wrappedKey(3))
    })

    test('keeps open suspensions over a restart and ended ones in the history', async () => {
      await registry.save(SUSPENSION)
      expect(registry.open()).toEqual([SUSPENSION])
      const again = await load()
      expect(again.open()).toEqual([SUSPENSION])
      const ended = { ...SUSPENSION, endedAt: '2026-11-22T02:00:00.000Z' }
      await again.save(ended)
      expect(again.open()).toEqual([])
      expect((await load()).open()).toEqual([])
      expect(await again.history('acme', 10)).toEqual([ended])
    })

    test('shows the history newest first, within the limit and per authority', async () => {
      for (const id of ['a', 'b', 'c'])
        await registry.save({ ...SUSPENSION, id, reason: 'operator', by: 'olga' })
      await registry.save({ ...SUSPENSION, id: 'd', authorityId: 'globex' })
      expect((await registry.history('acme', 2)).map(({ id }) => id)).toEqual(['c', 'b'])
      expect((await registry.history('acme', 1))[0]).toMatchObject({ reason: 'operator', by: 'olga' })
    })
  })
}
