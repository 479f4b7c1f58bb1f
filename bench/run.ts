import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { benchIssue } from '../test/fixtures/bench-issue.ts'
import { benchObjects, SMALL_ALONE, SMALL_BESIDE } from './s3.ts'
import { type Child, startChild } from './support/child.ts'
import { machine } from './support/machine.ts'
import { type Measurement, measureInRounds, type Row, type Workload } from './support/measure.ts'
import type { TransferMeasurement, TransferRow } from './support/transfer.ts'
import { benchTenants, type TenantsMeasurement } from './tenants.ts'
import type { World } from './world.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '1.5' },
    rounds: { type: 'string', default: '7' },
    connections: { type: 'string', default: '32' },
    /** `documents`, `s3`, `tenants` or several of them: `documents,s3`. */
    suites: { type: 'string', default: 'documents' },
    /** For `tenants`: how many are warm. */
    tenants: { type: 'string', default: '10000' },
    /** For `s3`: only the transfers whose name contains this; another gateway to compare with (docs/OPERATIONS.md). */
    only: { type: 'string' },
    peer: { type: 'string' },
    /** For `s3`: `one` for each subject, or `all`, a process for each. */
    cores: { type: 'string', default: 'one' },
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

const suites = values.suites.split(',')
const rows: (Row | TransferRow)[] = []
const ratios: Record<string, number> = {}
if (suites.includes('documents')) reportDocuments(await benchDocuments())
if (suites.includes('s3')) {
  reportObjects(
    await benchObjects({
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      peerFile: values.peer,
      only: values.only,
      cores: coresOf(values.cores),
    }),
  )
}
if (suites.includes('tenants')) {
  reportTenants(
    await benchTenants({
      tenants: Number(values.tenants),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      connections: Number(values.connections),
    }),
  )
}
if (values.json !== undefined) writeJson(values.json)

function coresOf(value: string): 'one' | 'all' {
  if (value === 'one' || value === 'all') return value
  throw new Error(`--cores is one or all, not ${value}`)
}

async function benchDocuments(): Promise<Measurement> {
  try {
    const world = await start<World>(['bench/world.ts'], WORLD_CORE)
    Object.assign(process.env, world.ready.variables)
    const configuration = world.ready.configurationFile
    const gateway = await start<{ gateway: string }>(
      ['bin/portcullis.js', 'serve', '--config', configuration],
      SUBJECT_CORE,
    )
    const proxy = await start<{ url: string }>(['bench/http-proxy.ts', world.ready.upstream], SUBJECT_CORE)
    const workloads = await prepare(world.ready, Buffer.from(benchIssue()), [
      { subject: 'gateway', pid: gateway.pid, url: `${gateway.ready.gateway}/jira/issue/sealed` },
      { subject: 'passthrough', pid: gateway.pid, url: `${gateway.ready.gateway}/plain/issue/plain` },
      { subject: 'http-proxy-3', pid: proxy.pid, url: `${proxy.ready.url}/issue/proxied` },
    ])
    return await measureInRounds(workloads, {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      connections: Number(values.connections),
    })
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
}

function headers(world: World): Record<string, string> {
  return {
    'Portcullis-Tenant': world.site,
    'Portcullis-Authorization': `Bearer ${world.token}`,
    'Content-Type': 'application/json',
  }
}

/** Writes the documents and checks what every subject answers before anything is timed. */
async function prepare(
  world: World,
  issue: Buffer,
  subjects: Pick<Workload, 'subject' | 'pid' | 'url'>[],
): Promise<Workload[]> {
  const workloads: Workload[] = []
  for (const subject of subjects) {
    const written = await fetch(subject.url, {
      method: 'PUT',
      headers: headers(world),
      body: new Uint8Array(issue),
    })
    const read = await fetch(subject.url, { headers: headers(world) })
    const body = Buffer.from(await read.arrayBuffer())
    if (!written.ok || !body.equals(issue))
      throw new Error(`${subject.subject} does not give back what it was given`)
    workloads.push({ ...subject, name: 'json-get-10k', method: 'GET', headers: headers(world) })
    workloads.push({ ...subject, name: 'json-put-10k', method: 'PUT', headers: headers(world), body: issue })
  }
  const stored = await (await fetch(`${world.upstream}/issue/sealed`)).text()
  const envelopes = stored.split('~pc1~').length - 1
  if (envelopes !== 6) throw new Error(`the bench issue has ${envelopes} sealed values, not 6`)
  return workloads
}

function reportDocuments(measurement: Measurement): void {
  const own: Record<string, number> = {}
  for (const row of measurement.rows) {
    if (row.subject === 'passthrough') continue
    own[`${row.name}/${row.subject}:passthrough`] = measurement.ratioTo('passthrough', row)
  }
  console.table(
    measurement.rows.map(({ name, subject, rps, cpuMicrosPerRequest, p99Ms, rssMiB }) => ({
      name,
      subject,
      'requests/s': Math.round(rps),
      'CPU µs/request': Math.round(cpuMicrosPerRequest),
      'p99 ms': p99Ms,
      'RSS MiB': Math.round(rssMiB),
    })),
  )
  console.log('requests per CPU-second, relative to pass-through:')
  keep(measurement.rows, own)
}

function reportTenants(measurement: TenantsMeasurement): void {
  const { saturated, carried, othersIdle, ...perTenant } = measurement
  console.table(perTenant)
  for (const [load, requests] of Object.entries({ saturated, carried, othersIdle })) {
    const [one, many] = requests.rows
    console.table(
      requests.rows.map(({ subject, rps, cpuMicrosPerRequest, p50Ms, p99Ms }) => ({
        load,
        subject,
        'requests/s': Math.round(rps),
        'CPU µs/request': Math.round(cpuMicrosPerRequest),
        'p50 ms': Number(p50Ms.toPrecision(3)),
        'p99 ms': Number(p99Ms.toPrecision(3)),
      })),
    )
    keep(requests.rows, {
      [`${many!.name}/${load}/${many!.subject}:${one!.subject}`]: requests.ratioTo(one!.subject, many!),
      [`${many!.name}/${load}/p99:${one!.subject}`]: requests.p99RatioTo(one!.subject, many!),
    })
  }
  keep([], {
    'tenants-heap-bytes-each': perTenant.heapBytesPerTenant,
    'tenants-heap-bytes-each-beyond-keys': perTenant.heapBytesPerTenantBeyondKeys,
    'tenants-locked-bytes-each': perTenant.lockedBytesPerTenant,
  })
}

function reportObjects(measurement: TransferMeasurement): void {
  const own: Record<string, number> = {}
  const subjects = [...new Set(measurement.rows.map(({ subject }) => subject))]
  for (const name of new Set(measurement.rows.map((row) => row.name))) {
    for (const base of subjects.filter((subject) => subject !== 'gateway')) {
      const ratio = measurement.ratio(name, 'gateway', base)
      if (ratio !== undefined) own[`${name}/gateway:${base}`] = ratio
    }
  }
  for (const subject of subjects) {
    const slowdown = measurement.slowdown(SMALL_BESIDE, SMALL_ALONE, subject)
    if (slowdown !== undefined) own[`${SMALL_BESIDE}/p99:${SMALL_ALONE}/${subject}`] = slowdown
  }
  console.table(
    measurement.rows.map((row) => ({
      name: row.name,
      subject: row.subject,
      'MB/s': Number(row.megabytesPerSecond.toFixed(1)),
      'requests/s': Number(row.rps.toPrecision(3)),
      'CPU ms/MB': Number(row.cpuMsPerMegabyte.toFixed(2)),
      'CPU µs/request': Math.round(row.cpuMicrosPerRequest),
      'p99 ms': Number(row.p99Ms.toFixed(1)),
      'peak RSS MiB': Math.round(row.rssMiB),
    })),
  )
  console.log('MB/s, relative to the others in the same round:')
  keep(measurement.rows, own)
}

function keep(newRows: readonly (Row | TransferRow)[], newRatios: Record<string, number>): void {
  for (const [name, ratio] of Object.entries(newRatios)) console.log(`  ${name}  ${ratio.toFixed(2)}`)
  rows.push(...newRows)
  Object.assign(ratios, newRatios)
}

function writeJson(file: string): void {
  writeFileSync(file, `${JSON.stringify({ machine: machine(), rows, ratios }, null, 2)}\n`)
}
