import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { benchIssue } from '../test/fixtures/bench-issue.ts'
import { type Child, startChild } from './support/child.ts'
import { type Measurement, measureInRounds, type Workload } from './support/measure.ts'

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
    seconds: { type: 'string', default: '1.5' },
    rounds: { type: 'string', default: '7' },
    connections: { type: 'string', default: '32' },
  },
})

// The subject has a core to itself; load, store and key service share the other.
const SUBJECT_CORE = 0
const WORLD_CORE = 1

const children: { stop(): Promise<void> }[] = []

async function start<Ready>(arguments_: string[], core: number): Promise<Child<Ready>> {
  const child = await startChild<Ready>(arguments_, core)
  children.push(child)
  return child
}

const world = await start<World>(['bench/world.ts'], WORLD_CORE)
try {
  Object.assign(process.env, world.ready.variables)
  const configuration = world.ready.configurationFile
  const gateway = await start<{ gateway: string }>(
    ['bin/portcullis.js', 'serve', '--config', configuration],
    SUBJECT_CORE,
  )
  const proxy = await start<{ url: string }>(['bench/http-proxy.ts', world.ready.upstream], SUBJECT_CORE)
  const workloads = await prepare(Buffer.from(benchIssue()), [
    { subject: 'gateway', pid: gateway.pid, url: `${gateway.ready.gateway}/jira/issue/sealed` },
    { subject: 'passthrough', pid: gateway.pid, url: `${gateway.ready.gateway}/plain/issue/plain` },
    { subject: 'http-proxy-3', pid: proxy.pid, url: `${proxy.ready.url}/issue/proxied` },
  ])
  const measurement = await measureInRounds(workloads, {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
  })
  report(measurement)
} finally {
  await Promise.all(children.map((child) => child.stop()))
}

function headers(): Record<string, string> {
  return {
    'Portcullis-Tenant': world.ready.site,
    'Portcullis-Authorization': `Bearer ${world.ready.token}`,
    'Content-Type': 'application/json',
  }
}

/** Writes the documents and checks what every subject answers before anything is timed. */
async function prepare(
  issue: Buffer,
  subjects: Pick<Workload, 'subject' | 'pid' | 'url'>[],
): Promise<Workload[]> {
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

function report({ rows, ratioTo }: Measurement): void {
  const ratios: Record<string, number> = {}
  for (const row of rows) {
    if (row.subject === 'passthrough') continue
    const label = row.subject === 'gateway' ? 'gateway:passthrough' : `${row.subject}:passthrough`
    ratios[`${row.name}/${label}`] = ratioTo('passthrough', row)
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
