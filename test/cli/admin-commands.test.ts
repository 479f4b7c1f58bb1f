import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ApiGateway, ApiWorld, AUDITOR, byokOf, OPERATOR } from '../admin/support/api-world.ts'
import { type Ran, runCommand } from '../support/run-command.ts'

let world: ApiWorld
let gateway: ApiGateway
let directory: string

beforeAll(async () => {
  world = await ApiWorld.start()
  gateway = await world.gateway()
  directory = mkdtempSync(join(tmpdir(), 'portcullis-cli-'))
})

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await world?.stop()
})

function run(line: string | string[], token: string | undefined = OPERATOR): Promise<Ran> {
  return runCommand(typeof line === 'string' ? line.split(' ') : line, {
    environment: {
      PORTCULLIS_ADMIN_URL: gateway.gateway.adminUrl,
      ...(token === undefined ? {} : { PORTCULLIS_ADMIN_TOKEN: token }),
    },
  })
}

describe('the commands of the admin API', () => {
  it('provision an organization, two sites and five apps', async () => {
    const created = await run('org create acme --location europe --name Acme --json')
    expect(created).toMatchObject({ code: 0, json: { id: 'acme', externalId: expect.any(String) as string } })
    const { roleArn, accountId, keys } = byokOf(
      await world.customer('acme', created.json.externalId as string),
    )
    const set = ['org', 'byok', 'set', 'acme', '--account', accountId as string, '--role', roleArn as string]
    for (const [region, arn] of Object.entries(keys as Record<string, string>))
      set.push('--key', `${region}=${arn}`)
    expect(await run(set)).toMatchObject({
      code: 0,
      out: expect.stringContaining(accountId as string) as string,
    })
    expect(await run('site create acme acme --app jira:byok confluence:byok --json')).toMatchObject({
      code: 0,
      json: {
        apps: [
          { type: 'confluence', byok: true },
          { type: 'jira', byok: true },
        ],
      },
    })
    expect(await run('site create acme acme-two --host two.example')).toMatchObject({ code: 0 })
    expect(await run('app add acme acme jira-service-management --byok')).toMatchObject({ code: 0 })
    expect(await run('app add acme acme-two jira')).toMatchObject({ code: 0 })
    expect(await run('app add acme acme-two confluence')).toMatchObject({ code: 0 })
    const list = await run('site list acme')
    expect(list.out).toMatch(/^SITE +APPS +HOSTS +MANAGED BY\nacme +confluence \(byok\), jira \(byok\)/)
    expect(list.out).toContain('jira (vendor-managed)')
    const organizations = await run('org list')
    expect(organizations.out).toMatch(/acme +Acme +europe +2 +3 +2 +/)
  })

  it('refuse with exit code 1, the words of the API and its rule', async () => {
    const refused = await run('app add acme acme-two jira --byok')
    expect(refused.code).toBe(1)
    expect(refused.error).toContain('cannot be converted')
    expect(await run('app add acme acme-two jira --byok --json')).toMatchObject({
      code: 1,
      json: { status: 409, reason: 'rule-conflict', rule: 'byok-immutable' },
    })
    const api = await gateway.api('/admin/v1/organizations/acme/sites/acme-two/apps', {
      body: { type: 'jira', byok: true },
    })
    expect(refused.error).toBe(`portcullis: ${(api.json as { detail: string }).detail} [byok-immutable]\n`)
  })

  it.each([
    ['org create acme2'],
    ['org create'],
    ['org nonsense'],
    ['org byok set acme --account 1 --role r --key x'],
    ['site create acme x --app jira:maybe'],
    ['audit verify'],
    ['org list --unknown'],
    ['completion powershell'],
  ])('answer a wrong command line with exit code 2: %s', async (line) => {
    expect(await run(line)).toMatchObject({ code: 2 })
  })

  it('need a token, from the environment or a file', async () => {
    expect(await run('org list', '')).toMatchObject({
      code: 2,
      error: expect.stringContaining('PORTCULLIS_ADMIN_TOKEN') as string,
    })
    const file = join(directory, 'token')
    writeFileSync(file, `${AUDITOR}\n`)
    expect(await run(['org', 'list', '--token-file', file], '')).toMatchObject({ code: 0 })
    expect(await run('org list', 'wrong-token-wrong-token-wrong')).toMatchObject({ code: 1 })
    expect(await run('org list --url http://127.0.0.1:1')).toMatchObject({
      code: 1,
      error: expect.stringContaining('cannot be reached') as string,
    })
  })

  describe('that are hard to undo', () => {
    const remove = 'app remove acme acme-two confluence'
    const apps = async () => (await run('app list acme acme-two --json')).json as unknown[]
    /** At a terminal whose user answers every question alike. */
    const asked = (line: string, answer: () => string | Promise<string>) => {
      const questions: string[] = []
      const ran = runCommand(line.split(' '), {
        environment: {
          PORTCULLIS_ADMIN_URL: gateway.gateway.adminUrl,
          PORTCULLIS_ADMIN_TOKEN: OPERATOR,
        },
        ask: async (question) => {
          questions.push(question)
          return await answer()
        },
      })
      return ran.then((result) => ({ ...result, questions }))
    }

    it('are refused with exit code 2 where nobody can be asked and nobody said --yes', async () => {
      const refused = await run(remove)
      expect(refused).toMatchObject({ code: 2, out: '' })
      expect(refused.error).toMatch(/Requests for this app are refused.*\n.*no terminal.*--yes/)
      expect(await apps()).toHaveLength(2)
    })

    it('do nothing unless the name is typed', async () => {
      const refused = await asked(remove, () => 'confluence')
      expect(refused).toMatchObject({ code: 1, out: '' })
      expect(refused.questions).toEqual([
        'Requests for this app are refused from then on.\nType acme-two/confluence to confirm: ',
      ])
      expect(refused.error).toContain('nothing was done')
      expect(await apps()).toHaveLength(2)
    })

    it('happen only to what was asked about', async () => {
      await run('site create acme changing')
      const refused = await asked('site remove acme changing', async () => {
        await run('site change acme changing --host changing.example')
        return 'changing'
      })
      expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('Read it again') as string })
      expect(await asked('site remove acme changing', () => 'changing')).toMatchObject({ code: 0 })
    })

    it('are done by scripts with --yes', async () => {
      expect(await run(`${remove} --yes`)).toMatchObject({ code: 0 })
      expect(await apps()).toHaveLength(1)
    })
  })

  it('make tokens that work, and revoke them', async () => {
    const made = await run('token create acme tracker --site acme --json')
    const { id, token } = made.json as { id: string; token: string }
    const request = () => gateway.request('/jira/issue/1', 'acme', token)
    const written = await gateway.request('/jira/issue/1', 'acme', token, {
      method: 'PUT',
      body: '{"id":"1"}',
    })
    expect(written.status).toBeLessThan(300)
    expect((await request()).status).toBe(200)
    expect((await run('token list acme')).out).toContain('tracker')
    expect(await run(['token', 'revoke', 'acme', id, '--yes'])).toMatchObject({ code: 0 })
    expect((await request()).status).toBe(403)
  })

  it('rotate tenant keys and show them', async () => {
    const rotated = await run('key rotate acme --json')
    expect(rotated).toMatchObject({ code: 0, json: { state: 'succeeded' } })
    const keys = (await run('key list acme --json')).json as { version: number; encrypts: boolean }[]
    expect(keys.some(({ version, encrypts }) => version === 2 && encrypts)).toBe(true)
    expect(keys.every(({ version, encrypts }) => encrypts === (version === 2))).toBe(true)
    expect((await run('key rotations acme')).out).toContain('succeeded')
  })

  it('plan and verify what the customer sets up', async () => {
    const plan = await run(['org', 'byok', 'plan', 'acme', '--format', 'terraform', '--out', directory])
    expect(plan).toMatchObject({ code: 0 })
    expect(plan.out).toContain(`${directory}/`)
    const refused = await run('org byok plan acme --account 1234567890123')
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('12 digits') as string })
    // the keys of the local world let the role do more than it must
    const verified = await run('org byok verify acme')
    expect(verified).toMatchObject({ code: 1, out: expect.stringContaining('GatewayUse') as string })
    expect((await run('org byok impact acme')).out).toMatch(/would go on: +acme-two\/jira/)
  })

  describe('that take long', () => {
    const drawn = (line: string, drawsProgress = true) =>
      runCommand(line.split(' '), {
        environment: {
          PORTCULLIS_ADMIN_URL: gateway.gateway.adminUrl,
          PORTCULLIS_ADMIN_TOKEN: OPERATOR,
        },
        drawsProgress,
      })

    it('draw how far they are on a terminal, and take it away before the answer', async () => {
      const verified = await drawn('org byok verify acme')
      expect(verified.error).toMatch(/\[\.{30}\] 0\/2 {2}regions, .+ eu-central-1/)
      expect(verified.error).toMatch(/\[#{15}\.{15}\] 1\/2 {2}regions, .+ eu-west-1/)
      expect(verified.error.endsWith('\r\u001B[K')).toBe(true)
      expect(verified.out).toMatch(/^VERDICT/)
      expect((await drawn('key rotate acme')).error).toMatch(/\[[#.]{30}\] \d+\/\d+ {2}keys/)
      const file = join(directory, 'progress.ndjson')
      expect((await drawn(`audit export acme --output ${file}`)).error).toContain('KiB written')
    })

    it('print nothing of it without a terminal, or with --json', async () => {
      for (const [line, terminal] of [
        ['org byok verify acme', false],
        ['org byok verify acme --json', true],
        ['key rotate acme --json', true],
      ] as const) {
        const ran = await drawn(line, terminal)
        expect(ran.error).toBe('')
        expect(ran.out).not.toContain('\u001B')
      }
    })

    it('wait for a suspension, and give up in time', async () => {
      const tooLong = await drawn('org byok wait acme suspended --timeout 0')
      expect(tooLong).toMatchObject({ code: 1, out: expect.stringMatching(/^access: /) as string })
      const waiting = drawn('org byok wait acme suspended --json')
      const { id } = (await run('org suspend acme --yes --json')).json as { id: string }
      expect(await waiting).toMatchObject({
        code: 0,
        json: { state: 'suspended', suspension: { id, reason: 'operator' } },
      })
      await run(['org', 'lift', 'acme', id])
      expect(await drawn('org byok wait acme gone')).toMatchObject({ code: 2 })
    })
  })

  it('suspend and lift', async () => {
    const placed = await run('org suspend acme --yes --json')
    const { id } = placed.json as { id: string }
    expect((await run('org byok show acme')).out).toContain('operator since')
    expect((await run('org suspensions acme')).out).toContain(id)
    expect(await run(['org', 'lift', 'acme', id])).toMatchObject({ code: 0 })
  })

  it('show, sign and prove offline which replicas confirmed a cut-off', async () => {
    const { id } = (await run('org suspend acme --yes --json')).json as { id: string }
    const complete = async (): Promise<boolean> => {
      const { json } = await run(['access', 'statement', 'acme', id, '--json'])
      return (json as { complete: boolean }).complete
    }
    await vi.waitFor(async () => expect(await complete()).toBe(true), { timeout: 10_000 })
    expect((await run('access report acme')).out).toMatch(new RegExp(`${id}.+ ms +20`))
    const file = join(directory, 'statement.json')
    const keys = join(directory, 'statement-keys.pem')
    await run(['access', 'statement', 'acme', id, '--output', file])
    await run(['audit', 'keys', 'acme', '--output', keys])
    const prove = ['access', 'verify', file, '--public-key', keys]
    const proven = await run(prove, '')
    expect(proven).toMatchObject({ code: 0, out: expect.stringMatching(/confirmed: +1 of 1/) as string })
    writeFileSync(file, readFileSync(file, 'utf8').replace('"keysWiped": ', '"keysWiped": 1'))
    expect(await run(prove, '')).toMatchObject({
      code: 1,
      out: expect.stringContaining('NOT GENUINE') as string,
    })
    await run(['org', 'lift', 'acme', id])
  })

  it('read, export and prove the audit trail', async () => {
    expect((await run('audit list acme --type provisioning.changed --limit 3')).out).toContain(
      'more: --after',
    )
    const file = join(directory, 'audit.ndjson')
    expect(await run(['audit', 'export', 'acme', '--output', file])).toMatchObject({ code: 0 })
    const rows = readFileSync(file, 'utf8').trim().split('\n')
    expect(rows.length).toBeGreaterThan(10)
    expect((await run('audit verify acme')).out).toContain('exactly what was recorded')
    const publicKey = join(directory, 'public.pem')
    expect(await run(['audit', 'keys', 'acme', '--output', publicKey])).toMatchObject({ code: 0 })
    const offline = ['audit', 'verify', '--file', file, '--public-key', publicKey]
    // no gateway is asked: there is no token, and nothing listens there
    const alone = [...offline, '--url', 'http://127.0.0.1:1']
    expect(await run(alone, '')).toMatchObject({ code: 0 })
    writeFileSync(file, rows.toSpliced(3, 1).join('\n'))
    expect(await run(offline)).toMatchObject({ code: 1, out: expect.stringContaining('missing') as string })
    // the end is gone and its checkpoints with it: only what was put aside earlier shows that
    const last = rows.findLastIndex((row) => row.includes('"signature"'))
    const kept = join(directory, 'kept.ndjson')
    writeFileSync(kept, rows[last]!)
    writeFileSync(file, rows.slice(0, 3).join('\n'))
    expect(await run(offline)).toMatchObject({ code: 0 })
    expect(await run([...offline, '--checkpoints', kept])).toMatchObject({
      code: 1,
      out: expect.stringContaining('tail-missing') as string,
    })
    const online = ['audit', 'verify', 'acme', '--public-key', publicKey, '--checkpoints', kept]
    expect(await run(online)).toMatchObject({ code: 0 })
    expect(await run(['audit', 'verify', '--file', file])).toMatchObject({ code: 2 })
  })

  it('are limited by what the token may do', async () => {
    expect(await run('org create other --location europe', AUDITOR)).toMatchObject({ code: 1 })
    const made = await run('org admin add acme kim --json')
    const { token } = made.json as { token: string }
    expect((await run('org list --json', token)).json).toMatchObject([{ id: 'acme' }])
    expect(await run('org show other', token)).toMatchObject({ code: 1 })
  })
})

describe('shell completion', () => {
  it('knows the commands and flags in bash', async () => {
    const file = join(directory, 'completion.bash')
    writeFileSync(file, (await run('completion bash', undefined)).out)
    const complete = (words: string): string =>
      execFileSync('bash', [
        '-c',
        `set -eu; source ${file}; complete -p portcullis > /dev/null; set +eu
COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _portcullis; echo "\${COMPREPLY[@]}"`,
      ]).toString()
    expect(complete('portcullis or')).toBe('org\n')
    expect(complete('portcullis org by')).toBe('byok\n')
    expect(complete('portcullis org byok pl')).toBe('plan\n')
    expect(complete('portcullis org byok plan acme --fo')).toBe('--format\n')
    expect(complete('portcullis site create acme one --h')).toBe('--host --help\n')
  })

  it.each(['zsh', 'fish'])('is there for %s', async (shell) => {
    expect((await run(`completion ${shell}`, undefined)).out).toContain('byok')
  })
})
