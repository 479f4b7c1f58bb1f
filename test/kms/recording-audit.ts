import type { AuditEvent } from '../../src/audit/event.ts'
import type { AuditSink } from '../../src/audit/sink.ts'

/** An audit sink that keeps what it is given. */
export class RecordingAudit implements AuditSink {
  readonly events: AuditEvent[] = []

  record(event: AuditEvent): void {
    this.events.push(event)
  }

  /** Events of one type, oldest first. */
  of<Type extends AuditEvent['type']>(type: Type): (AuditEvent & { type: Type })[] {
    return this.events.filter((event): event is AuditEvent & { type: Type } => event.type === type)
  }
}
