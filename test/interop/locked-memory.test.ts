import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { credentials, GatewayWorld } from '../support/gateway-world.ts'
import { send } from '../support/http-client.ts'
import { ServeProcess } from './support/serve-process.ts'

/** A command with so many bytes of locked memory, which binds only without the privilege to lock more. */
const limited =
  (bytes: number) =>
  (command: readonly string[]): string[] => [
    'setpriv',
    '--bounding-set=-ipc_lock',
    '--inh-caps=-ipc_lock',
    'prlimit',
    `--memlock=${bytes}:${bytes}`,
    ...command,
  ]
const ARENA_BYTES = 32 * 1024
/** More tenant keys than one arena holds, each with one derived key. */
const SITES = Array.from({ length: 530 }, (_, index) => `site-${index}`)
const [program, ...parameters] = limited(0)(['true'])
const can = spawnSync(program!, parameters).status === 0

describe.skipIf(!can)('serve with little locked memory (skipped where the limit cannot be set)', () => {
  let world: GatewayWorld
  let documents: DocumentStore
  let file: string
  let environment: Record<string, string>

  beforeAll(async () => {
    world = await GatewayWorld.start()
    documents = await startDocumentStore({
      directory: join(world.directory, 'documents'),
      collections: ['issue'],
      port: 0,
    })
    const configured = world.configured((configuration) => {
      configuration['stores'] = [
        { name: 'jira', mount: '/jira', upstream: documents.url, apps: ['jira'], coverage: 'jira' },
      ]
      const [acme] = configuration['organizations'] as { sites: unknown[] }[]
      for (const name of SITES) acme!.sites.push({ name, hosts: [], apps: [{ type: 'jira', byok: true }] })
      const [token] = configuration['tokens'] as { sites: string[] }[]
      token!.sites.push(...SITES)
    }, 'limited')
    file = configured.file
    environment = configured.environment
  })

  afterAll(async () => {
    await documents.stop()
    await world.stop()
  })

  test('refuses to start without any, and says what to raise', async () => {
    await expect(ServeProcess.start(file, environment, limited(0))).rejects.toThrow(
      /ended with 1: .*could not be locked: raise the locked-memory limit \(ulimit -l/s,
    )
  })

  test('serves more tenants than keys fit: the least used ones are wiped, and come back when they are asked for', async () => {
    const serve = await ServeProcess.start(file, environment, limited(ARENA_BYTES))
    try {
      const request = async (site: string, body?: string): Promise<{ status: number; body: string }> => {
        const answer = await send(`${serve.ready.gateway}/jira/issue/${site}`, {
          method: body === undefined ? 'GET' : 'PUT',
          headers: { ...credentials('acme'), 'Portcullis-Tenant': site, 'Content-Type': 'application/json' },
          ...(body === undefined ? {} : { body }),
        })
        return { status: answer.status, body: answer.body.toString() }
      }
      const document = (site: string): string => `{"id":"1","fields":{"summary":"of ${site}"}}`
      for (const site of SITES) {
        expect((await request(site, document(site))).status).toBe(201)
      }
      for (const site of [SITES[0]!, SITES.at(-1)!, SITES[1]!]) {
        expect(await request(site)).toEqual({ status: 200, body: document(site) })
      }
      const status = readFileSync(`/proc/${serve.pid}/status`, 'latin1')
      expect(/VmLck:\s+(\d+) kB/.exec(status)?.[1]).toBe(String(ARENA_BYTES / 1024))
    } finally {
      await serve.stop('SIGKILL')
    }
  })
})
