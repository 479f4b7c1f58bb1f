/**
 * Model of a fleet: the real leases and the real sharing of proofs, over a clock, a network and an AWS of the model.
 * `npm run bench:fleet -- --json FILE`; `--scale 0.1` for a tenth of the tenants, requests and revocations.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine } from '../support/machine.ts'
import type { ModelFigures, Scenario } from './model.ts'
import { runModel } from './model.ts'
import { quotaUse } from './quotas.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})
const scale = Number(values.scale)
if (!(scale > 0 && scale <= 1)) throw new RangeError('--scale must be above 0 and at most 1')

const BOUND_MS = 5_000
const size = {
  tenants: Math.ceil(100_000 * scale),
  replicas: 50,
  keysPerTenant: 1,
  requestsPerSecond: Math.ceil(5_000 * scale),
  awakeShare: 1 / 3,
  revocationBoundMs: BOUND_MS,
  idleAfterMs: 30_000,
  warmUpMs: 65_000,
  measuredMs: 15_000,
  lossPercent: 0,
  crashEveryMs: 0,
  revocations: 0,
  notifiedAfterMs: 0,
}
// How fast a cut-off is does not depend on how many other tenants there are.
const cuts = {
  ...size,
  replicas: 10,
  tenants: Math.ceil(800 * scale),
  requestsPerSecond: 200,
  idleAfterMs: 10_000,
  warmUpMs: 10_000,
  measuredMs: 120_000,
  crashEveryMs: 10_000,
  revocations: Math.ceil(680 * scale),
}
/** Ten thousand withdrawals in all, while replicas die and are replaced all the time. */
const crashing = {
  ...cuts,
  tenants: Math.ceil(4_000 * scale),
  crashEveryMs: 1_000,
  revocations: Math.ceil(3_400 * scale),
}
const losses = [0, 5, 20]
const scenarios: Scenario[] = [
  { ...size, name: 'calls' },
  { ...size, name: 'calls-idle-10s', idleAfterMs: 10_000 },
  { ...size, name: 'calls-idle-60s', idleAfterMs: 60_000 },
  ...losses.map((lossPercent) => ({ ...cuts, name: `cut-off-loss-${lossPercent}`, lossPercent })),
  ...losses.map((lossPercent) => ({ ...crashing, name: `crashes-loss-${lossPercent}`, lossPercent })),
  { ...cuts, name: 'cut-off-notified', revocations: Math.ceil(200 * scale), notifiedAfterMs: 500 },
]

const rows: ({ name: string; subject: 'fleet' } & ModelFigures)[] = []
for (const scenario of scenarios.filter(({ name }) => name.includes(values.only))) {
  const startMs = performance.now()
  const figures = await runModel(scenario)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  console.error(`${scenario.name} took ${seconds} s: ${JSON.stringify(figures)}`)
  rows.push({ name: scenario.name, subject: 'fleet', ...figures })
}
console.table(
  rows.map((row) => ({
    name: row.name,
    active: row.activeTenants,
    'KMS/s': Math.round(row.kmsPerSecond),
    'STS/s': Math.round(row.stsPerSecond),
    'proofs/active/bound': Number(row.proofsPerActiveTenantAndBound.toFixed(2)),
    'STS/tenant of the minute/bound': Number(row.stsPerTenantOfTheMinuteAndBound.toFixed(2)),
    'waited %': Number((100 * row.waitedShare).toFixed(1)),
    'claims/s': Math.round(row.claimsPerSecond),
    'messages/s': Math.round(row.messagesPublishedPerSecond),
    'bytes/lease': row.bytesPerLease,
  })),
)
console.table(
  rows
    .filter(({ revocations }) => revocations === 0)
    .map(({ name, stsPerSecond, kmsPerSecond, activeTenants }) => {
      const use = quotaUse(stsPerSecond, kmsPerSecond, activeTenants)
      return {
        name,
        'vendor accounts (STS, one region)': use.accountsForOneRegion,
        '(STS, two regions)': use.accountsForTwoRegions,
        'active per account and region': use.organizationsPerAccount,
        "of an organization's KMS quota": `${(100 * use.kmsShareOfOrganization).toFixed(4)} %`,
      }
    }),
)
console.table(
  rows
    .filter(({ revocations }) => revocations > 0)
    .map((row) => ({
      name: row.name,
      revocations: row.revocations,
      crashes: row.crashes,
      'p50 ms': row.cutOff.p50Ms,
      'p99 ms': row.cutOff.p99Ms,
      'max ms': row.cutOff.maxMs,
      'wiped p99 ms': row.wiped.p99Ms,
      late: row.late,
    })),
)
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), rows, ratios: {} }, null, 2)}\n`)
if (rows.some(({ late }) => late > 0)) {
  console.error('responses were started after the bound')
  process.exitCode = 1
}
