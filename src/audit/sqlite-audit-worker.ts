import { parentPort, workerData } from 'node:worker_threads'
import { SqliteAuditDatabase } from './sqlite-audit-database.ts'
import type { AuditAnswer, AuditCall } from './sqlite-audit-store.ts'

if (parentPort === null) throw new Error('sqlite-audit-worker runs as a worker thread')
const port = parentPort
const database = new SqliteAuditDatabase((workerData as { file: string }).file)

port.on('message', (call: AuditCall) => {
  port.postMessage(answer(call))
  if (call.method === 'close') port.close()
})

function answer({ id, method, parameters }: AuditCall): AuditAnswer {
  try {
    const perform = database[method] as (...parameters: readonly unknown[]) => unknown
    return { id, result: perform.apply(database, [...parameters]) }
  } catch (thrown) {
    return { id, error: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
