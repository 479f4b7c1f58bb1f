import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { auditEntries } from '../../src/audit/entries.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import { keyEvent, newSigner, temporaryDirectory } from './samples.ts'

const source = (path: string): string =>
  JSON.stringify(new URL(`../../src/audit/${path}`, import.meta.url).href)

/** Records events for ever and prints the number of each one that is durable. */
function program(directory: string, run: number): string {
  return `
    import { AuditLog } from ${source('audit-log.ts')}
    import { SqliteAuditStore } from ${source('sqlite-audit-store.ts')}
    const store = await SqliteAuditStore.open(${JSON.stringify(join(directory, 'audit.sqlite'))})
    const log = await AuditLog.open({
      store, whenFull: 'spill', spillFile: ${JSON.stringify(join(directory, 'spill'))}, queueEventsMax: 50, batchDelayMs: 1,
    })
    for (let number = 1; ; number++) {
      const version = ${run} * 1000000 + number
      log.recordDurably({ type: 'tenant-key.created', at: new Date().toISOString(), authority: 'acme',
        organization: 'acme', site: 's', app: 'jira', dataClass: 'issue', keyId: 'k', version })
        .then(() => console.log(version))
      do await new Promise((resolve) => setImmediate(resolve))
      while (!log.accepting)
    }`
}

it('has every acknowledged event, in one unbroken chain, after being killed again and again', async () => {
  const directory = temporaryDirectory()
  const acknowledged = new Set<number>()
  for (let run = 1; run <= 4; run += 1) {
    const script = join(directory, 'write.mjs')
    writeFileSync(script, program(directory, run))
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    let lines = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.add(Number(line))
      lines += 1
      if (lines === 100 * run) child.kill('SIGKILL')
    }
    await exited
  }
  const store = await SqliteAuditStore.open(join(directory, 'audit.sqlite'))
  const { signer, verifier } = newSigner()
  const log = await AuditLog.open({ store, signer, whenFull: 'spill', spillFile: join(directory, 'spill') })
  await log.recordDurably(keyEvent(1))
  await log.close()
  const entries = await Array.fromAsync(auditEntries(store, { chain: 'acme' }))
  await store.close()
  const verification = await verifyChain(entries, [verifier])
  expect(verification.problems).toEqual([])
  const stored = entries.flatMap((entry) => ('event' in entry ? [Number(entry.event['version'])] : []))
  expect(new Set(stored).size).toBe(stored.length)
  expect([...acknowledged].filter((version) => !stored.includes(version))).toEqual([])
  expect(acknowledged.size).toBeGreaterThanOrEqual(1_000)
})
