import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { benchIssue } from '../test/fixtures/bench-issue.ts'
import { startChild } from './support/child.ts'
import { measureInRounds, type Row, type Workload } from './support/measure.ts'

interface World {
  readonly upstream: string
  readonly configurationFile: string
  readonly variables: Record<string, string>
  readonly site: string
  readonly token: string
}

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
  },
})

// The subject has a core to itself; load, store and key service share the other.
const SUBJECT_CORE = 0
const WORLD_CORE = 1

const world = await startChild<World>(['bench/world.ts'], WORLD_CORE)
Object.assign(process.env, world.ready.variables)
const gateway = await startChild<{ gateway: string }>(
  ['bin/portcullis.js', 'serve', '--config', world.ready.configurationFile],
  SUBJECT_CORE,
)
const proxy = await startChild<{ url: string }>(['bench/http-proxy.ts', world.ready.upstream], SUBJECT_CORE)

try {
  const issue = Buffer.from(benchIssue())
  const workloads = await prepare(issue)
  const rows = await measureInRounds(workloads, {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
  })
  report(rows)
} finally {
  await Promise.all([gateway.stop(), proxy.stop(), world.stop()])
}

function headers(): Record<string, string> {
  return {
    'Portcullis-Tenant': world.ready.site,
    'Portcullis-Authorization': `Bearer ${world.ready.token}`,
    'Content-Type': 'application/json',
  }
}

/** Writes the documents and checks what every subject answers before anything is timed. */
async function prepare(issue: Buffer): Promise<Workload[]> {
  const subjects = [
    { subject: 'gateway', pid: gateway.pid, url: `${gateway.ready.gateway}/jira/issue/sealed` },
    { subject: 'passthrough', pid: gateway.pid, url: `${gateway.ready.gateway}/plain/issue/plain` },
    { subject: 'http-proxy-3', pid: proxy.pid, url: `${proxy.ready.url}/issue/proxied` },
  ]
  const workloads: Workload[] = []
  for (const subject of subjects) {
    const written = await fetch(subject.url, {
      method: 'PUT',
      headers: headers(),
      body: new Uint8Array(issue),
    })
    const read = await fetch(subject.url, { headers: headers() })
    const body = Buffer.from(await read.arrayBuffer())
    if (!written.ok || !body.equals(issue))
      throw new Error(`${subject.subject} does not give back what it was given`)
    workloads.push({ ...subject, name: 'json-get-10k', method: 'GET', headers: headers() })
    workloads.push({ ...subject, name: 'json-put-10k', method: 'PUT', headers: headers(), body: issue })
  }
  const stored = await (await fetch(`${world.ready.upstream}/issue/sealed`)).text()
  const envelopes = stored.split('~pc1~').length - 1
  if (envelopes !== 6) throw new Error(`the bench issue has ${envelopes} sealed values, not 6`)
  return workloads
}

function report(rows: Row[]): void {
  const ratios: Record<string, number> = {}
  for (const row of rows) {
    if (row.subject === 'passthrough') continue
    const base = rows.find(({ name, subject }) => name === row.name && subject === 'passthrough')!
    const label = row.subject === 'gateway' ? 'gateway:passthrough' : `${row.subject}:passthrough`
    ratios[`${row.name}/${label}`] = base.cpuMicrosPerRequest / row.cpuMicrosPerRequest
  }
  console.table(
    rows.map(({ name, subject, rps, cpuMicrosPerRequest, p99Ms, rssMiB }) => ({
      name,
      subject,
      'requests/s': Math.round(rps),
      'CPU µs/request': Math.round(cpuMicrosPerRequest),
      'p99 ms': p99Ms,
      'RSS MiB': Math.round(rssMiB),
    })),
  )
  console.log('requests per CPU-second, relative to pass-through:')
  for (const [name, ratio] of Object.entries(ratios)) console.log(`  ${name}  ${ratio.toFixed(2)}`)
  if (values.json === undefined) return
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  }
  writeFileSync(values.json, `${JSON.stringify({ machine, rows, ratios }, null, 2)}\n`)
}
