import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { runProgram } from '../../src/cli/program.ts'
import { ApiWorld, AUDITOR, OPERATOR } from '../admin/support/api-world.ts'

let world: ApiWorld

beforeAll(async () => {
  world = await ApiWorld.start()
})

afterAll(async () => {
  await world?.stop()
})

async function run(...line: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const write = (more: string): void => {
    text += more
  }
  const environment = { OPERATOR, AUDITOR, AWS_SECRET: world.world.vendor.gateway.secretAccessKey }
  const stopRequested = new AbortController().signal
  const code = await runProgram(line, { environment, print: write, printError: write, stopRequested })
  return { code, text }
}

function configurationFile(name: string): string {
  const file = join(world.directory, `${name}.yaml`)
  writeFileSync(file, stringify(world.configuration(name)))
  return file
}

describe('a lost registry', () => {
  it('is restored from a backup: data is readable again, and the backup holds no secret', async () => {
    const before = await world.gateway('lost')
    await world.organization(before, 'acme')
    await before.organization('/acme/sites', { body: { name: 'acme', apps: [{ type: 'jira', byok: true }] } })
    const made = await before.organization('/acme/tokens', { body: { name: 'app', sites: ['acme'] } })
    const token = made.token as string
    const body = '{"id":"5","fields":{"summary":"not lost"}}'
    expect((await before.request('/jira/issue/5', 'acme', token, { method: 'PUT', body })).ok).toBe(true)

    const backup = join(world.directory, 'backup.ndjson')
    expect(
      await run('registry', 'backup', '--config', configurationFile('lost'), '--output', backup),
    ).toMatchObject({
      code: 0,
    })
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(readFileSync(backup, 'utf8')).not.toContain(token)
    await before.stop()

    const restored = configurationFile('restored')
    const restore = () => run('registry', 'restore', '--config', restored, '--input', backup)
    expect(await restore()).toMatchObject({ code: 0 })
    expect(await restore()).toMatchObject({ code: 1, text: expect.stringContaining('not empty') as string })
    const after = await world.gateway('restored')
    const read = await after.request('/jira/issue/5', 'acme', token)
    expect([read.status, await read.text()]).toEqual([200, body])
  })
})
