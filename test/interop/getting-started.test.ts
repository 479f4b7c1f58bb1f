import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/ports.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const programs = postgresPrograms()
const DEADLINE_MS = 150_000

/** Every command of the document, in order, as it stands but for the ports, which may be taken, and where the checkout is. */
function script(ports: readonly number[]): string {
  const text = readFileSync(join(ROOT, 'docs/GETTING-STARTED.md'), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((block) => block[1]!)
  const [gateway, admin, s3] = ports
  return blocks
    .join('')
    .replace('npm run --silent portcullis --', `"${process.execPath}" "${ROOT}/bin/portcullis.js"`)
    .replace('local start', `local start --port ${gateway} --admin-port ${admin} --s3-port ${s3}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${gateway}`)
    .replaceAll('127.0.0.1:8082', `127.0.0.1:${s3}`)
}

describe.skipIf(programs === undefined)('docs/GETTING-STARTED.md (skipped without PostgreSQL)', () => {
  it('leads from an empty database to two sites, five apps, a document and an attachment', async () => {
    const server = await PostgresServer.start(programs!)
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-started-'))
    const commands = `set -eumo pipefail\ntrap 'kill %1 %2; wait' EXIT\n${script([await freePort(), await freePort(), await freePort()])}`
    try {
      const url = await server.createDatabase()
      const { code, output } = await run(commands, directory, url)
      expect(code, output).toBe(0)
      expect(output).toContain('every permission is as it must be')
      expect(output).toMatch(/acme-labs +jira \(byok\), confluence \(vendor-managed\)/)
      expect(output).toContain('would stop')
    } finally {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

function run(commands: string, cwd: string, url: string): Promise<{ code: number | null; output: string }> {
  const bash = spawn('bash', ['-c', commands], {
    cwd,
    env: { ...process.env, PORTCULLIS_REGISTRY_URL: url },
    timeout: DEADLINE_MS,
  })
  let output = ''
  for (const stream of [bash.stdout, bash.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
    })
  }
  return new Promise((done) => bash.on('close', (code) => done({ code, output })))
}
