import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const program = join(root, 'bin/portcullis.js')
const scratch = mkdtempSync(join(tmpdir(), 'portcullis-cli-'))
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function run(...arguments_: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...arguments_], {
    cwd: scratch,
    encoding: 'utf8',
    timeout: 30_000,
  })
}

interface Ready {
  readonly gateway: string
  readonly admin: string
  readonly tenant: string
  readonly tokens: { readonly app: string; readonly admin: string }
  readonly stores: Record<string, { readonly mount: string; readonly upstream: string }>
  readonly s3: Record<string, unknown> & { readonly upstream: Record<string, unknown> }
  readonly customer: Record<string, unknown> & { readonly keys: Record<string, string> }
}

async function startDev(
  directory: string,
  ...more: string[]
): Promise<{ child: ChildProcess; ready: Ready; lines: string[] }> {
  const arguments_ = ['dev', '--port', '0', '--admin-port', '0', '--data-dir', directory, ...more]
  const child = spawn(process.execPath, [program, ...arguments_], {
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  const lines: string[] = []
  const ready = await new Promise<Ready>((resolve_, reject) => {
    child.once('exit', (code) => reject(new Error(`dev ended with ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (lines.length === 1) resolve_(JSON.parse(line) as Ready)
    })
  })
  return { child, ready, lines }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = new Promise<number | null>((resolve_) => {
    child.once('exit', resolve_)
  })
  child.kill(signal)
  return await exited
}

describe('portcullis', () => {
  it('explains itself and says its version', () => {
    expect(run('--help').stdout).toContain('serve')
    expect(run('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['dev', '--frobnicate']],
    ['a port out of range', ['dev', '--port', '65536']],
    ['a missing required option', ['serve']],
  ])('exits with 2 on %s', (_name, arguments_) => {
    const { status, stdout, stderr } = run(...arguments_)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).not.toBe('')
  })

  it('serve refuses a file that is not there, without a stack trace', () => {
    const { status, stderr } = run('serve', '--config', 'nowhere.yaml')
    expect(status).toBe(1)
    expect(stderr).toContain('nowhere.yaml')
    expect(stderr).not.toContain('    at ')
  })

  it('check reports file, line and reason of every finding and exits with 1', () => {
    const file = join(scratch, 'broken.yaml')
    writeFileSync(
      file,
      [
        'registry: { file: r.sqlite }',
        'organizations:',
        '  - id: acme',
        '    location: atlantis',
        '    byok:',
        "      accountId: '12345678901'",
        '      roleArn: arn:aws:iam::12345678901:role/r',
        '      externalId: ab',
        '      keys: {}',
        '    sites: []',
      ].join('\n'),
    )
    const { status, stderr } = run('check', '--offline', '--config', file)
    expect(status).toBe(1)
    expect(stderr).toMatch(/broken\.yaml:4:\d+: error: .*atlantis/)
    expect(stderr).toMatch(/broken\.yaml:6:\d+: error: .*12/)
    const { stdout } = run('check', '--offline', '--json', '--config', file)
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; rule: string })
    expect(findings.length).toBeGreaterThanOrEqual(2)
  })

  it('check passes what dev runs on, with everything connected', async () => {
    const directory = join(scratch, 'checked')
    const { child } = await startDev(directory)
    const { status, stderr } = run('check', '--offline', '--config', join(directory, 'portcullis.yaml'))
    expect(stderr).not.toContain('error')
    expect(status).toBe(0)
    expect(await stop(child, 'SIGINT')).toBe(0)
  })

  it('dev prints one ready line with everything of the contract, and keeps its state over a restart', async () => {
    const directory = join(scratch, 'kept')
    const first = await startDev(directory)
    expect(first.ready).toMatchObject({
      ready: true,
      gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      admin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tenant: expect.any(String),
      organization: expect.any(String),
      tokens: { app: expect.any(String), admin: expect.any(String) },
      stores: {
        jira: { mount: '/jira', upstream: expect.stringMatching(/^http:/) },
        confluence: { mount: '/confluence', upstream: expect.stringMatching(/^http:/) },
      },
      s3: {
        endpoint: expect.stringMatching(/^http:/),
        bucket: expect.any(String),
        accessKeyId: expect.any(String),
        secretAccessKey: expect.any(String),
        region: expect.any(String),
        upstream: {
          endpoint: expect.stringMatching(/^http:/),
          bucket: expect.any(String),
          accessKeyId: expect.any(String),
          secretAccessKey: expect.any(String),
        },
      },
      customer: {
        kmsEndpoint: expect.stringMatching(/^http:/),
        stsEndpoint: expect.stringMatching(/^http:/),
        accountId: expect.stringMatching(/^\d{12}$/),
        roleArn: expect.stringMatching(/^arn:aws:iam::\d{12}:role\//),
        accessKeyId: expect.any(String),
        secretAccessKey: expect.any(String),
        keys: {
          'eu-central-1': expect.stringMatching(/^arn:aws:kms:eu-central-1:/),
          'eu-west-1': expect.stringMatching(/^arn:aws:kms:eu-west-1:/),
        },
      },
    })
    const headers = {
      'Portcullis-Tenant': first.ready.tenant,
      'Portcullis-Authorization': `Bearer ${first.ready.tokens.app}`,
      'Content-Type': 'application/json',
    }
    const body = '{"id":"1","fields":{"summary":"kept over a restart"}}'
    const written = await fetch(`${first.ready.gateway}/jira/issue/1`, { method: 'PUT', headers, body })
    expect(written.status).toBe(201)
    expect(first.lines).toHaveLength(1)
    expect(await stop(first.child, 'SIGTERM')).toBe(0)

    const second = await startDev(directory)
    expect(second.ready.tokens).toEqual(first.ready.tokens)
    expect(second.ready.customer.keys).toEqual(first.ready.customer.keys)
    const read = await fetch(`${second.ready.gateway}/jira/issue/1`, { headers })
    expect(await read.text()).toBe(body)
    await stop(second.child, 'SIGKILL')

    const third = await startDev(directory, '--reset')
    expect(third.ready.tokens).not.toEqual(first.ready.tokens)
    const gone = await fetch(`${third.ready.gateway}/jira/issue/1`, {
      headers: { ...headers, 'Portcullis-Authorization': `Bearer ${third.ready.tokens.app}` },
    })
    expect(gone.status).toBe(404)
  })

  it('dev refuses a directory that holds something else', () => {
    const { status, stderr } = run(
      'dev',
      '--port',
      '0',
      '--admin-port',
      '0',
      '--reset',
      '--data-dir',
      join(root, 'docs'),
    )
    expect(status).toBe(1)
    expect(stderr).toContain('holds something else')
  })
})
