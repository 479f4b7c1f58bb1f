import type { AuditEvent } from './event.ts'

/** Where audit events go. `record` only enqueues: it never throws, never blocks and takes no promise. */
export interface AuditSink {
  record(event: AuditEvent): void
}
