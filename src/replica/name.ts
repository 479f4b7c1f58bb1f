import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** Unique among the replicas and processes that run, and telling to whoever reads logs. */
export function replicaName(): string {
  return `${hostname().slice(0, 40)}-${process.pid}-${randomBytes(4).toString('hex')}`
}
