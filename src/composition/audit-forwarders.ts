import type { AuditStore } from '../audit/audit-store.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { AuditDelivery } from '../audit/forwarder.ts'
import { Forwarder } from '../audit/forwarder.ts'
import { otlpDelivery } from '../audit/otlp-delivery.ts'
import { syslogDelivery } from '../audit/syslog-delivery.ts'
import { webhookDelivery } from '../audit/webhook-delivery.ts'
import type { Logger } from '../observability/logger.ts'
import type { Settings } from './settings.ts'

/** Starts what brings the audit trail to other systems. */
export function startForwarders(
  settings: Settings,
  store: AuditStore,
  log: AuditLog,
  logger: Logger,
): Forwarder[] {
  return settings.configuration.audit.forwarders.map((options) => {
    const delivery = deliveryOf(options, settings.materials.audit.forwarders.get(options.name))
    const forwarder = new Forwarder({
      store,
      delivery,
      onError: (error) =>
        logger.warn('the audit trail cannot be forwarded', { forwarder: options.name, error }),
    })
    log.onAppended((heads) => forwarder.notify(heads))
    return forwarder
  })
}

function deliveryOf(
  { name, kind, url }: Settings['configuration']['audit']['forwarders'][number],
  material: Partial<Record<'secret' | 'authorization' | 'ca', string | undefined>> = {},
): AuditDelivery {
  const { secret = '', authorization, ca } = material
  const destination = {
    name,
    url,
    ...(authorization !== undefined && { headers: { authorization } }),
    ...(ca !== undefined && { caPem: ca }),
  }
  if (kind === 'webhook') return webhookDelivery({ ...destination, secret })
  if (kind === 'otlp') return otlpDelivery(destination)
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const tls = { serverName: host, ...(ca !== undefined && { caPem: ca }) }
  return syslogDelivery({ name, host, port: Number(port), ...(protocol === 'tls:' && { tls }) })
}
