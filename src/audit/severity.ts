import type { AuditEntry } from './entries.ts'

/** Severity in the numbers of syslog (RFC 5424 section 6.2.1) and of OpenTelemetry's log data model. */
export interface Severity {
  readonly syslog: number
  readonly telemetry: number
  readonly text: string
}

const ERROR: Severity = { syslog: 3, telemetry: 17, text: 'ERROR' }
const WARNING: Severity = { syslog: 4, telemetry: 13, text: 'WARN' }
const INFORMATION: Severity = { syslog: 6, telemetry: 9, text: 'INFO' }

const BY_TYPE: Readonly<Record<string, Severity>> = {
  'ciphertext.refused': ERROR,
  'audit.repaired': ERROR,
  'audit.events-lost': ERROR,
  'audit.chain-regressed': ERROR,
  'access.defect': ERROR,
  'suspension.started': WARNING,
  'suspension.changed': WARNING,
  'access.unavailable': WARNING,
  'access.grace-ended': WARNING,
}

/** How grave an entry is. */
export function severityOf(entry: AuditEntry): Severity {
  if (!('event' in entry)) return INFORMATION
  const listed = Object.hasOwn(BY_TYPE, entry.event.type) ? BY_TYPE[entry.event.type] : undefined
  const refused = entry.event['outcome'] !== undefined && entry.event['outcome'] !== 'succeeded'
  return listed ?? (refused ? WARNING : INFORMATION)
}

/** The entry's type; a checkpoint's is `audit.checkpoint`, an anchor's `audit.anchor`. */
export function typeOf(entry: AuditEntry): string {
  if ('event' in entry) return entry.event.type
  return 'removedBefore' in entry ? 'audit.anchor' : 'audit.checkpoint'
}

/** When it happened, RFC 3339. */
export function timeOf(entry: AuditEntry): string {
  return 'event' in entry ? entry.event.at : entry.at
}
