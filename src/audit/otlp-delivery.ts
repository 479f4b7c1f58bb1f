import type { AuditEntry } from './entries.ts'
import type { AuditDelivery } from './forwarder.ts'
import { DeliveryFailed, HttpPoster } from './http-post.ts'
import type { HttpDestination } from './http-post.ts'
import { entryLine } from './ndjson.ts'
import { severityOf, timeOf, typeOf } from './severity.ts'

/** Where an OpenTelemetry collector takes logs. */
export interface OtlpOptions extends HttpDestination {
  readonly name: string
  /** Resource attribute `service.name`. Default `portcullis`. */
  readonly serviceName?: string
}

/** Sends entries as log records by OTLP/HTTP with JSON (OTLP 1.x section "OTLP/HTTP"); `url` ends in `/v1/logs`. */
export function otlpDelivery(options: OtlpOptions): AuditDelivery {
  const poster = new HttpPoster(options)
  const resource = { attributes: [attribute('service.name', options.serviceName ?? 'portcullis')] }
  return {
    name: options.name,
    async deliver(entries: readonly AuditEntry[]): Promise<void> {
      const scopeLogs = [{ scope: { name: 'portcullis.audit' }, logRecords: entries.map(logRecord) }]
      const answer = await poster.post(JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] }), {})
      const rejected = rejectedRecords(answer)
      if (rejected > 0) throw new DeliveryFailed(`the collector rejected ${rejected} log records`)
    },
    close: () => poster.close(),
  }
}

function logRecord(entry: AuditEntry): object {
  const severity = severityOf(entry)
  const milliseconds = Date.parse(timeOf(entry))
  const nanoseconds = Number.isNaN(milliseconds) ? '0' : `${milliseconds}000000`
  return {
    timeUnixNano: nanoseconds,
    observedTimeUnixNano: nanoseconds,
    severityNumber: severity.telemetry,
    severityText: severity.text,
    eventName: typeOf(entry),
    body: { stringValue: entryLine(entry) },
    attributes: [
      attribute('portcullis.chain', entry.chain),
      { key: 'portcullis.sequence', value: { intValue: String(entry.sequence) } },
      ...('id' in entry ? [attribute('portcullis.id', entry.id)] : []),
    ],
  }
}

function attribute(key: string, value: string): object {
  return { key, value: { stringValue: value } }
}

/** `partialSuccess.rejectedLogRecords`, which JSON carries as a number or a text (protobuf int64). */
function rejectedRecords(answer: string): number {
  try {
    const parsed = JSON.parse(answer) as { partialSuccess?: { rejectedLogRecords?: number | string } }
    return Number(parsed.partialSuccess?.rejectedLogRecords ?? 0)
  } catch {
    return 0
  }
}
