// Runs ceph/s3-tests against a store and through the gateway before the same store, and prints the differences.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startSuiteGateway } from './suite-gateway.ts'
import { type Outcome, runSuite } from './suite-run.ts'
import { SUITE_STORES } from './suite-stores.ts'

const USAGE = `usage: npm run test:compatibility -- --suite CHECKOUT [--python PROGRAM] [--store ${Object.keys(SUITE_STORES).join('|')}] [--only EXPRESSION]`

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    store: { type: 'string', default: 'embedded' },
    only: { type: 'string' },
  },
})
const start = SUITE_STORES[values.store]
if (values.suite === undefined || start === undefined) {
  process.stderr.write(`${USAGE}\n`)
  process.exit(2)
}
const suite = { directory: resolve(values.suite), python: values.python, only: values.only }
const directory = mkdtempSync(join(tmpdir(), 'portcullis-suite-'))
process.stdout.write(`files of the run: ${directory}\n`)

const direct = await runDirect()
const gateway = await runThroughGateway()
report(direct, gateway)

// Each run has a store of its own, so that nothing that the first leaves behind changes the second.
async function runDirect(): Promise<Outcome[]> {
  const store = await start!()
  try {
    return await runSuite(suite, store.endpoint, store.users, join(directory, 'direct'))
  } finally {
    await store.stop()
  }
}

async function runThroughGateway(): Promise<Outcome[]> {
  const store = await start!()
  try {
    const gateway = await startSuiteGateway(store)
    try {
      return await runSuite(suite, gateway.endpoint, store.users, join(directory, 'gateway'))
    } finally {
      await gateway.stop()
    }
  } finally {
    await store.stop()
  }
}

function report(direct: readonly Outcome[], gateway: readonly Outcome[]): void {
  const passed = (outcomes: readonly Outcome[]): Set<string> =>
    new Set(outcomes.filter(({ outcome }) => outcome === 'passed').map(({ test }) => test))
  const [alone, through] = [passed(direct), passed(gateway)]
  const lost = gateway.filter(({ test }) => alone.has(test) && !through.has(test))
  const won = [...through].filter((test) => !alone.has(test))
  const line = (text: string): boolean => process.stdout.write(`${text}\n`)
  line(`${values.store} directly: ${alone.size} of ${direct.length} pass`)
  line(`${values.store} through the gateway: ${through.size} of ${gateway.length} pass`)
  line(`${lost.length} pass directly only:`)
  for (const { test, reason } of lost) line(`  ${test}  ${reason}`)
  line(`${won.length} pass through the gateway only:`)
  for (const test of won) line(`  ${test}`)
}
