import type { AuditSink } from '../audit/sink.ts'
import { EnvelopeError } from '../envelope/envelope-error.ts'
import type { Clock } from '../keyring/clock.ts'
import { timestamp } from '../keyring/clock.ts'
import type { Exchange } from '../listener/exchange.ts'
import type { Directory } from '../tenant/directory.ts'

/** Puts an exchange into the audit trail that ended because stored ciphertext does not authenticate. */
export function auditRefusedCiphertext(
  exchange: Exchange,
  directory: Directory,
  audit: AuditSink,
  clock: Clock,
): void {
  const { error, tenant, app } = exchange
  if (error?.code !== 'ciphertext-invalid' || tenant === undefined) return
  const site = directory.siteByName(tenant)
  const owner = site?.apps.find((each) => each.app === app) ?? site?.apps[0]
  if (owner === undefined) return
  const failure = error.cause instanceof EnvelopeError ? error.cause.failure : 'refused'
  audit.record({
    type: 'ciphertext.refused',
    at: timestamp(clock.wallTimeMs()),
    authority: owner.authority.id,
    organization: owner.organization,
    site: owner.site,
    app: owner.app,
    detail: `${failure}: store ${exchange.store}, route ${exchange.route}, request ${exchange.id}`,
  })
}
