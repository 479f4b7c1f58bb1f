import type { ConfigPath, RuleFinding } from '../finding.ts'
import { refuse, warn } from './rule.ts'
import type { ParsedSections } from './settings.ts'
import { isLoopback } from './stores.ts'

type Forwarder = NonNullable<ParsedSections['audit']>['forwarders'][number]

/** Protocols by kind: with TLS, and without for loopback. */
const PROTOCOLS: Readonly<Record<Forwarder['kind'], readonly [string, string]>> = {
  webhook: ['https:', 'http:'],
  otlp: ['https:', 'http:'],
  syslog: ['tls:', 'tcp:'],
}

/** Rules about the audit trail. */
export function auditFindings({ audit, registry }: ParsedSections): RuleFinding[] {
  if (audit === undefined) return []
  const names = audit.forwarders.map(({ name }) => name)
  const findings = audit.forwarders.flatMap((forwarder, index) => {
    const path = ['audit', 'forwarders', index]
    const twice = names.indexOf(forwarder.name) !== index
    const found = forwarderFindings(forwarder, path)
    if (!twice) return found
    const reason = 'another forwarder has this name'
    return [...found, refuse('name-twice', [...path, 'name'], reason, 'Choose another name')]
  })
  if (registry?.postgres !== undefined && audit.signingKey === undefined) {
    const reason = 'whoever can write the database can publish a signing key of their own there'
    const remedy = 'Give all replicas one key that is kept elsewhere'
    findings.push(warn('audit-signing-key', ['audit', 'signingKey'], reason, remedy))
  }
  return findings
}

function forwarderFindings({ kind, url, secret }: Forwarder, path: ConfigPath): RuleFinding[] {
  const findings: RuleFinding[] = []
  const address = URL.parse(url)
  const [secure, plain] = PROTOCOLS[kind]
  const trusted =
    address?.protocol === secure || (address?.protocol === plain && isLoopback(address.hostname))
  if (!trusted || address === null || address.hostname === '' || address.username !== '') {
    const remedy = `Write ${secure}//host… without credentials (${plain}//… on loopback only)`
    findings.push(refuse('forwarder-url', [...path, 'url'], 'audit events must not travel there', remedy))
  } else if (kind === 'syslog' && address.port === '') {
    findings.push(refuse('forwarder-url', [...path, 'url'], 'there is no port', 'Write it, such as :6514'))
  }
  if (kind === 'webhook' && secret === undefined) {
    const reason = 'a webhook is signed'
    findings.push(refuse('missing-key', [...path, 'secret'], reason, 'Refer to a secret of 32 characters'))
  }
  return findings
}
