import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiGateway, ApiWorld, OPERATOR } from '../admin/support/api-world.ts'

const PROGRAM = resolve(import.meta.dirname, '../../bin/portcullis.js')
const hasScript = existsSync('/usr/bin/script')
if (!hasScript) console.warn('terminal.test.ts is skipped: no script (util-linux)')

let world: ApiWorld
let gateway: ApiGateway

/** Runs the program on a terminal of its own; `typed` is typed when it shows `prompt`. */
async function atTerminal(
  line: string,
  prompt = '',
  typed = '',
): Promise<{ code: number | null; shown: string }> {
  const child = spawn('script', ['-qec', `${process.execPath} ${PROGRAM} ${line}`, '/dev/null'], {
    env: {
      ...process.env,
      PORTCULLIS_ADMIN_URL: gateway.gateway.adminUrl,
      PORTCULLIS_ADMIN_TOKEN: OPERATOR,
    },
  })
  let shown = ''
  let answered = prompt === ''
  child.stdout.on('data', (piece: Buffer) => {
    shown += piece.toString()
    if (answered || !shown.includes(prompt)) return
    answered = true
    child.stdin.write(typed)
  })
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, shown }
}

describe.skipIf(!hasScript)('the commands at a real terminal', () => {
  beforeAll(async () => {
    world = await ApiWorld.start()
    gateway = await world.gateway()
    await world.organization(gateway, 'acme')
    const body = { name: 'acme', apps: [{ type: 'jira', byok: true }, { type: 'confluence' }] }
    await gateway.organization('/acme/sites', { body })
  })

  afterAll(async () => {
    await world?.stop()
  })

  const remove = 'app remove acme acme confluence'
  const apps = async () => (await gateway.organization('/acme/sites/acme/apps')).items as unknown[]

  it('ask for the name of what they take away, and leave it when that is not typed', async () => {
    const refused = await atTerminal(remove, 'to confirm: ', 'yes\r')
    expect(refused).toMatchObject({ code: 1, shown: expect.stringContaining('nothing was done') as string })
    expect(await atTerminal(remove, 'to confirm: ', '\u0004')).toMatchObject({ code: 1 })
    expect(await apps()).toHaveLength(2)
    const done = await atTerminal(remove, 'Type acme/confluence to confirm: ', 'acme/confluence\r')
    expect(done).toMatchObject({ code: 0, shown: expect.stringContaining('removed confluence') as string })
    expect(await apps()).toHaveLength(1)
  })

  it('end without doing anything when they are interrupted at the question', async () => {
    const interrupted = await atTerminal('site remove acme acme', 'to confirm: ', '\u0003')
    expect(interrupted.code).not.toBe(0)
    expect(await gateway.organization('/acme/sites/acme')).toMatchObject({ name: 'acme' })
  })

  it('draw how far they are, and nothing of it with --json', async () => {
    expect((await atTerminal('org byok verify acme')).shown).toMatch(/\[#{15}\.{15}\] 1\/2/)
    const { shown } = await atTerminal('org byok verify acme --json')
    expect(shown).not.toContain('\u001B')
    expect(JSON.parse(shown)).toMatchObject({ ok: expect.any(Boolean) as boolean })
  })
})
