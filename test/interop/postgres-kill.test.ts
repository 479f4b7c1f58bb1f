import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { runProgram } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { ApiGateway, ApiWorld, AUDITOR, OPERATOR } from '../admin/support/api-world.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'
import { ServeProcess } from './support/serve-process.ts'

const programs = postgresPrograms()
const CONTENT = 'content that must never be in a backup'

describe.skipIf(programs === undefined)('serve on PostgreSQL (skipped where it is not installed)', () => {
  let server: PostgresServer
  let world: ApiWorld

  beforeAll(async () => {
    server = await PostgresServer.start(programs!)
    world = await ApiWorld.start()
  })

  afterAll(async () => {
    await world?.stop()
    await server?.stop()
  })

  const variablesOf = (url: string): Record<string, string> => ({
    OPERATOR,
    AUDITOR,
    AWS_SECRET: world.world.vendor.gateway.secretAccessKey,
    REGISTRY_URL: url,
  })

  /** A configuration with a registry in PostgreSQL. */
  async function configured(
    name: string,
  ): Promise<{ file: string; ports: { gateway: number; admin: number } }> {
    const configuration = world.configuration(name)
    const ports = { gateway: await freePort(), admin: await freePort() }
    configuration['registry'] = { postgres: { env: 'REGISTRY_URL' } }
    configuration['listener'] = { port: ports.gateway }
    configuration['admin'].port = ports.admin
    configuration['logging'] = { level: 'warn' }
    const file = join(world.directory, `${name}.yaml`)
    writeFileSync(file, stringify(configuration))
    return { file, ports }
  }

  async function serve(name: string, url: string): Promise<{ process: ServeProcess; api: ApiGateway }> {
    const { file, ports } = await configured(name)
    const process = await ServeProcess.start(file, variablesOf(url), (command) => [...command])
    onTestFinished(async () => void (await process.stop('SIGKILL')))
    return { process, api: apiAt(ports) }
  }

  async function cli(
    parameters: string[],
    url: string,
  ): Promise<{ code: number; out: string; error: string }> {
    let out = ''
    let error = ''
    const terminal: Terminal = {
      environment: variablesOf(url),
      print: (text) => void (out += text),
      printError: (text) => void (error += text),
      stopRequested: new AbortController().signal,
    }
    return { code: await runProgram(parameters, terminal), out, error }
  }

  it('keeps every site that was acknowledged, once, while one of two processes is killed again and again', async () => {
    const url = await server.createDatabase()
    const lasting = await serve('lasting', url)
    await world.organization(lasting.api, 'acme')
    const acknowledged: string[] = []
    for (let run = 0; run < 3; run += 1) {
      const doomed = await serve('doomed', url)
      let asked = 0
      const asking = (async () => {
        for (;;) {
          const body = { name: `site-${run}-${asked}`, apps: [] }
          const key = randomUUID()
          const ask = (gateway: ApiGateway) =>
            gateway.api('/admin/v1/organizations/acme/sites', { body, headers: { 'Idempotency-Key': key } })
          asked += 1
          const answer = await ask(doomed.api).catch(() => undefined)
          if (answer === undefined) {
            // as a client does whose connection broke: the same request again, to the other one
            const again = await ask(lasting.api)
            expect([201, 409]).toContain(again.status)
            return
          }
          expect(answer.status).toBe(201)
          acknowledged.push(body.name)
        }
      })()
      await until(
        () => Promise.resolve(asked),
        (count) => count > 10 + run * 7,
      )
      await doomed.process.stop('SIGKILL')
      await asking
    }
    const { items } = await lasting.api.organization('/acme/sites?limit=500')
    const names = (items as { name: string }[]).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(acknowledged.filter((name) => !names.includes(name))).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(30)
    const verified = await lasting.api.organization('/acme/audit/verification', { method: 'POST' })
    expect(verified).toMatchObject({ ok: true, problems: [] })
    const made = await lasting.api.organization('/acme/audit?types=provisioning.changed&limit=1000')
    const audited = (made.items as { event: Record<string, string> }[]).map(({ event }) => event['site'])
    expect(names.filter((name) => !audited.includes(name)).length).toBeLessThanOrEqual(3)
  })

  it('has lost no proof of access when it starts again after being killed', async () => {
    const url = await server.createDatabase()
    const first = await serve('proving', url)
    await world.organization(first.api, 'proved')
    const token = await provisioned(first.api, 'proved')
    expect((await write(first.api, 'proved', token)).ok).toBe(true)
    const called = async (): Promise<number> => {
      const { text } = await first.api.api('/metrics')
      return Number(/portcullis_kms_calls_total\{[^}]*verify[^}]*succeeded[^}]*\} (\d+)/.exec(text)?.[1] ?? 0)
    }
    await until(called, (count) => count > 2)
    // what was gathered is on disk a moment after the call
    await new Promise((resolve) => setTimeout(resolve, 300))
    await first.process.stop('SIGKILL')
    const second = await serve('proving', url)
    const { items } = await until(
      () => second.api.organization('/proved/audit?types=key-service.proved'),
      (page) => page.items.length > 0,
    )
    expect(items[0].event).toMatchObject({ outcome: 'succeeded', authority: 'proved' })
    const { accountId } = await second.api.organization('/proved/byok')
    const trail = new Set(
      world.aws.events.list({ accountId, limit: 10_000 }).map(({ requestID }) => requestID),
    )
    const requests = (items[0].event.calls as { requests: string[] }[]).flatMap((call) => call.requests)
    expect(requests.length).toBeGreaterThan(2)
    expect(requests.map((text) => text.split(' ')[1]!).filter((id) => !trail.has(id))).toEqual([])
    const verified = await second.api.organization('/proved/audit/verification', { method: 'POST' })
    expect(verified).toMatchObject({ ok: true, problems: [] })
  })

  it('reads everything again after the registry was lost and restored from a backup, which holds no secret', async () => {
    const url = await server.createDatabase()
    const before = await serve('before', url)
    await world.organization(before.api, 'saved')
    const token = await provisioned(before.api, 'saved')
    expect((await write(before.api, 'saved', token)).ok).toBe(true)
    const backup = join(world.directory, 'registry.backup')
    const { file } = await configured('backup')
    // while it serves
    expect(await cli(['registry', 'backup', '--config', file, '--output', backup], url)).toMatchObject({
      code: 0,
    })
    await before.process.stop('SIGKILL')

    const text = readFileSync(backup, 'utf8')
    const secrets = [token, OPERATOR, AUDITOR, CONTENT, world.world.vendor.gateway.secretAccessKey]
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
    expect(text).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY/)

    const empty = await server.createDatabase()
    const restore = ['registry', 'restore', '--config', file, '--input', backup]
    expect(await cli(restore, empty)).toMatchObject({ code: 0 })
    expect(await cli(restore, empty)).toMatchObject({ code: 1 })
    const after = await serve('after', empty)
    const read = await until(
      () => after.api.request('/jira/issue/saved', 'saved', token),
      ({ status }) => status !== 503,
    )
    expect([read.status, await read.text()]).toEqual([200, issue()])

    const damaged = join(world.directory, 'damaged.backup')
    writeFileSync(damaged, text.replace('"saved"', '"other"'))
    const third = await server.createDatabase()
    const refused = await cli(['registry', 'restore', '--config', file, '--input', damaged], third)
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('checksum') as string })
  })

  async function provisioned(api: ApiGateway, id: string): Promise<string> {
    const apps = [{ type: 'jira', byok: true }]
    await api.organization(`/${id}/sites`, { body: { name: id, apps } })
    const { token } = await api.organization(`/${id}/tokens`, { body: { name: 'app', sites: [id] } })
    return token as string
  }

  const issue = (): string => JSON.stringify({ id: '1', fields: { summary: CONTENT } })

  function write(api: ApiGateway, site: string, token: string): Promise<Response> {
    return until(
      () => api.request(`/jira/issue/${site}`, site, token, { method: 'PUT', body: issue() }),
      ({ status }) => ![403, 404, 503].includes(status),
    )
  }
})

/** The admin API of a gateway in another process. */
function apiAt({ gateway, admin }: { gateway: number; admin: number }): ApiGateway {
  const urls = { url: `http://127.0.0.1:${gateway}`, adminUrl: `http://127.0.0.1:${admin}` }
  return new ApiGateway(urls as ApiGateway['gateway'], undefined as never)
}

async function until<Result>(
  ask: () => Promise<Result>,
  holds: (result: Result) => boolean,
): Promise<Result> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const result = await ask()
    if (holds(result)) return result
    expect(performance.now()).toBeLessThan(deadline)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
