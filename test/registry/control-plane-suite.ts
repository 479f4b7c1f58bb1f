import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ControlPlane } from '../../src/registry/control-plane/control-plane.ts'
import {
  claimHosts,
  claimRootKeys,
  findOrganization,
  saveApp,
  saveOrganization,
  saveSite,
} from '../../src/registry/control-plane/statements.ts'
import { IdempotencyStore } from '../../src/registry/idempotency.ts'
import { JobStore } from '../../src/registry/jobs.ts'
import { exportRegistry, importRegistry } from '../../src/registry/backup.ts'
import type { SqlEngine } from '../../src/registry/sql/engine.ts'
import { sql, type SqlWork } from '../../src/registry/sql/statement.ts'
import { SqlRegistryDatabase } from '../../src/registry/sql/sql-database.ts'
import type { Backend } from './registry-suite.ts'
import { wrappedKey } from './wrapped-key.ts'

const AT = '2026-11-22T01:02:03.004Z'

/** What organizations, jobs, idempotency and backups do on every backend. */
export function controlPlaneSuite(backend: Backend): void {
  describe(`the control plane on ${backend.name}`, () => {
    let open: () => Promise<SqlEngine>
    let engine: SqlEngine
    const opened: SqlEngine[] = []

    async function another(): Promise<SqlEngine> {
      const more = await open()
      opened.push(more)
      return more
    }

    beforeEach(async () => {
      open = await backend.create()
      engine = await another()
    })

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()))
      await backend.remove()
    })

    function add(controlPlane: ControlPlane, id: string): Promise<void> {
      return controlPlane.change(function* (revision): SqlWork<void> {
        if ((yield* findOrganization(id)) !== undefined) throw new Error('exists')
        const since = { createdAt: AT, revision }
        yield* saveOrganization({
          id,
          name: null,
          location: 'europe',
          externalId: `${id}-x`,
          managedBy: 'api',
          ...since,
        })
        const removedAt = null
        yield* saveSite({ name: id, organization: id, hosts: [], managedBy: 'api', removedAt, ...since })
        yield* saveApp({ site: id, type: 'jira', byok: true, removedAt, ...since })
      })
    }

    test('keeps what was added over a restart', async () => {
      await add(await ControlPlane.load(engine), 'acme')
      const { snapshot } = await ControlPlane.load(await another())
      expect(snapshot.organizations.get('acme')).toMatchObject({ location: 'europe', externalId: 'acme-x' })
      expect(snapshot.sitesOf('acme')).toMatchObject([{ name: 'acme', organization: 'acme' }])
      expect(snapshot.appsOf('acme')).toMatchObject([{ type: 'jira', byok: true, createdAt: AT }])
    })

    test('takes a change back as a whole when a part of it fails', async () => {
      const controlPlane = await ControlPlane.load(engine)
      const failing = controlPlane.change(function* (revision): SqlWork<void> {
        const since = { createdAt: AT, revision }
        yield* saveOrganization({
          id: 'acme',
          name: null,
          location: 'europe',
          externalId: null,
          managedBy: 'api',
          ...since,
        })
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      const database = controlPlane.change(function* (): SqlWork<void> {
        yield sql`INSERT INTO app (site, type, byok, created_at, revision) VALUES ('nowhere', 'jira', 7, '', 1)`
      })
      await expect(database).rejects.toThrow()
      await controlPlane.refresh()
      expect(controlPlane.snapshot.organizations.size).toBe(0)
    })

    test('lets one of many writers of the same organization win', async () => {
      const planes = await Promise.all([
        ControlPlane.load(engine),
        ControlPlane.load(await another()),
        ControlPlane.load(await another()),
      ])
      const outcomes = await Promise.allSettled(
        planes.flatMap((plane) => [add(plane, 'acme'), add(plane, 'acme')]),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('brings changes to other processes within a second', async () => {
      const here = await ControlPlane.load(engine)
      const elsewhere = await another()
      const there = await ControlPlane.load(elsewhere)
      const seen = Promise.withResolvers<void>()
      there.onChange(() => {
        if (there.snapshot.appsOf('acme').length === 1) seen.resolve()
      })
      elsewhere.onChange(() => void there.refresh())
      await add(here, 'acme')
      await seen.promise
      expect(there.snapshot.organizations.get('acme')).toEqual(here.snapshot.organizations.get('acme'))
    })

    test('gives every writer a higher revision than those before, and misses none of them', async () => {
      const planes = await Promise.all([engine, await another()].map((one) => ControlPlane.load(one)))
      const ids = Array.from({ length: 20 }, (_, index) => `org-${index}`)
      await Promise.all(ids.map((id, index) => add(planes[index % 2]!, id)))
      for (const plane of planes) {
        await plane.refresh()
        expect([...plane.snapshot.organizations.keys()].sort()).toEqual(ids.toSorted())
        const revisions = [...plane.snapshot.organizations.values()].map(({ revision }) => revision)
        expect(new Set(revisions).size).toBe(ids.length)
      }
    })

    test('gives a host and a root key to one owner only', async () => {
      const controlPlane = await ControlPlane.load(engine)
      await add(controlPlane, 'acme')
      await add(controlPlane, 'globex')
      const claim = (site: string, hosts: string[]) => controlPlane.change(() => claimHosts(site, hosts))
      expect(await claim('acme', ['a.example', 'b.example'])).toBeUndefined()
      expect(await claim('acme', ['b.example'])).toBeUndefined()
      expect(await claim('globex', ['a.example'])).toBeUndefined()
      expect(await claim('globex', ['c.example', 'b.example'])).toEqual({ host: 'b.example', site: 'acme' })
      const own = (owner: string, keys: string[]) => controlPlane.change(() => claimRootKeys(owner, keys))
      expect(await own('acme', ['1', '2'])).toBeUndefined()
      expect(await own('globex', ['2'])).toEqual({ rootKey: '2', owner: 'acme' })
    })

    test('runs a request with an idempotency key once', async () => {
      let nowMs = Date.parse(AT)
      const store = new IdempotencyStore(engine, () => nowMs)
      const elsewhere = new IdempotencyStore(await another(), () => nowMs)
      expect(await store.begin('olga', 'k', 'f')).toEqual({ kind: 'begun' })
      expect(await elsewhere.begin('olga', 'k', 'f')).toEqual({ kind: 'running' })
      expect(await elsewhere.begin('otto', 'k', 'f')).toEqual({ kind: 'begun' })
      await store.complete('olga', 'k', '{"a":1}')
      expect(await elsewhere.begin('olga', 'k', 'f')).toEqual({ kind: 'repeated', answer: '{"a":1}' })
      expect(await elsewhere.begin('olga', 'k', 'g')).toEqual({ kind: 'other-request' })
      await elsewhere.abandon('otto', 'k')
      expect(await store.begin('otto', 'k', 'f')).toEqual({ kind: 'begun' })
      nowMs += 61_000
      expect(await store.begin('otto', 'k', 'f')).toEqual({ kind: 'begun' })
      nowMs += 25 * 60 * 60_000
      expect(await store.begin('olga', 'k', 'g')).toEqual({ kind: 'begun' })
    })

    test('lets one worker at a time have a job, and another take it up when it is silent', async () => {
      const jobs = new JobStore(engine)
      const elsewhere = new JobStore(await another())
      const job = { id: 'j1', kind: 'rotation', organization: 'acme', work: '[]', total: 2 }
      const time = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString()
      await jobs.add({ ...job, createdAt: AT, createdBy: 'olga' }, true)
      expect(await jobs.add({ ...job, id: 'j2', createdAt: AT, createdBy: 'otto' }, true)).toMatchObject({
        id: 'j1',
      })
      expect(await jobs.waiting('rotation', time(0))).toBe(true)
      expect(await jobs.claim('rotation', 'a', time(0), time(30))).toMatchObject({
        id: 'j1',
        state: 'running',
      })
      expect(await elsewhere.claim('rotation', 'b', time(1), time(31))).toBeUndefined()
      expect(await elsewhere.claim('rotation', 'b', time(31), time(61))).toMatchObject({ id: 'j1' })
      const done = { state: 'succeeded', done: 2, error: null } as const
      expect(await jobs.report('j1', 'a', done, time(32), time(62))).toBe(false)
      expect(await elsewhere.report('j1', 'b', done, time(32), time(62))).toBe(true)
      expect(await jobs.find('acme', 'rotation', 'j1')).toMatchObject({
        state: 'succeeded',
        done: 2,
        finishedAt: time(32),
      })
      expect(await jobs.find('globex', 'rotation', 'j1')).toBeUndefined()
      await jobs.add({ ...job, id: 'j3', createdAt: AT, createdBy: 'olga' }, true)
      expect((await jobs.list('acme', 'rotation', undefined, 5)).map(({ id }) => id)).toEqual(['j3', 'j1'])
      expect((await jobs.list('acme', 'rotation', 'j3', 5)).map(({ id }) => id)).toEqual(['j1'])
    })

    test('keeps any text exactly', async () => {
      const controlPlane = await ControlPlane.load(engine)
      await add(controlPlane, 'acme')
      const texts = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => !text.includes('\0'))
      await fc.assert(
        fc.asyncProperty(texts, async (name) => {
          await controlPlane.change(function* (revision): SqlWork<void> {
            const record = yield* findOrganization('acme')
            yield* saveOrganization({ ...record!, name, revision })
          })
          expect(controlPlane.snapshot.organizations.get('acme')?.name).toBe(name)
        }),
        { numRuns: 30 },
      )
    })

    test('is restored from a backup into an empty registry, and into no other', async () => {
      const controlPlane = await ControlPlane.load(engine)
      await add(controlPlane, 'acme')
      await new SqlRegistryDatabase(engine).addWrappedKey(wrappedKey(1))
      const lines: string[] = []
      for await (const line of exportRegistry(engine, AT)) lines.push(line)

      await expect(importRegistry(engine, lines)).rejects.toThrow(/not empty/)
      await backend.remove()
      open = await backend.create()
      const restored = await another()
      const spoilt = lines.map((line) => line.replace('"europe"', '"usa"'))
      await expect(importRegistry(restored, spoilt)).rejects.toThrow(/checksum/)
      await expect(importRegistry(restored, lines.slice(0, -1))).rejects.toThrow(/incomplete/)
      await importRegistry(restored, lines)
      const { snapshot } = await ControlPlane.load(restored)
      expect(snapshot.appsOf('acme')).toMatchObject([{ type: 'jira', byok: true }])
      const { keys } = await new SqlRegistryDatabase(restored).wrappedKeysAfter(0)
      expect(keys).toEqual([wrappedKey(1)])
    })
  })
}
