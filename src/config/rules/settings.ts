import type { Configuration } from '../schema.ts'
import type { RuleFinding } from '../finding.ts'
import { formatDuration, formatSize } from '../units.ts'
import { auditFindings } from './audit.ts'
import { isHostName } from './organizations.ts'
import { refuse, warn } from './rule.ts'
import { isLoopback } from './stores.ts'
import { isIP } from 'node:net'

/** The sections that the schema took; the others are missing. */
export type ParsedSections = Partial<Configuration>

/** Rules between settings, as far as their sections could be parsed. */
export function settingFindings(sections: ParsedSections): RuleFinding[] {
  return [
    ...bindFindings(sections),
    ...bufferFindings(sections),
    ...clientCaFindings(sections),
    ...registryFindings(sections),
    ...auditFindings(sections),
    ...oidcFindings(sections),
    ...notificationFindings(sections),
    ...timeFindings(sections),
    ...cacheFindings(sections),
    ...endpointFindings(sections),
    ...accessFindings(sections),
    ...storeFindings(sections),
    ...objectStoreFindings(sections),
  ]
}

function bindFindings({ listener, admin }: ParsedSections): RuleFinding[] {
  const findings: RuleFinding[] = []
  for (const [name, socket] of Object.entries({ listener, admin })) {
    if (socket === undefined) continue
    if (isIP(socket.host) === 0 && !isHostName(socket.host)) {
      const remedy = 'Write 127.0.0.1, 0.0.0.0, :: or a name'
      findings.push(refuse('bind-host', [name, 'host'], 'this is no IP address and no host name', remedy))
    } else if (socket.tls === undefined && !isLoopback(socket.host)) {
      const reason = 'tokens and content arrive without TLS on an address that other machines reach'
      findings.push(
        warn(
          'plain-listener',
          [name, 'host'],
          reason,
          `Set ${name}.tls, or let only a TLS terminator reach it`,
        ),
      )
    }
  }
  if (listener === undefined || admin === undefined) return findings
  if (listener.port !== 0 && listener.port === admin.port && overlaps(listener.host, admin.host)) {
    findings.push(
      refuse('port-conflict', ['admin', 'port'], 'listener has the same port', 'Choose another port'),
    )
  }
  return findings
}

function bufferFindings({ listener }: ParsedSections): RuleFinding[] {
  if (listener === undefined) return []
  const { bufferedBodyBytesMax, bufferBudgetBytes } = listener.limits
  if (bufferedBodyBytesMax <= bufferBudgetBytes) return []
  const path = ['listener', 'limits', 'bufferedBodyBytesMax']
  const reason = `one body of ${formatSize(bufferedBodyBytesMax)} would exceed bufferBudgetBytes`
  return [refuse('buffer-budget', path, reason, `Choose at most ${formatSize(bufferBudgetBytes)}`)]
}

function clientCaFindings({ listener, clientCertificates }: ParsedSections): RuleFinding[] {
  if (listener === undefined || clientCertificates === undefined || clientCertificates.length === 0) return []
  if (listener.tls?.clientCaFile !== undefined) return []
  const remedy = 'Set listener.tls.clientCaFile, or remove clientCertificates'
  return [refuse('client-ca-missing', ['clientCertificates'], 'no client certificate can be checked', remedy)]
}

function registryFindings({ registry }: ParsedSections): RuleFinding[] {
  if (registry === undefined) return []
  const { file, postgres } = registry
  if (file === undefined && postgres === undefined) {
    const remedy = 'Add it, or registry.postgres when there is more than one replica'
    return [refuse('missing-key', ['registry', 'file'], 'a required key is missing', remedy)]
  }
  if (file === undefined || postgres === undefined) return []
  const reason = 'the registry is in one place only'
  return [refuse('registry-twice', ['registry', 'postgres'], reason, 'Keep either file or postgres')]
}

function notificationFindings({ onboarding }: ParsedSections): RuleFinding[] {
  if (onboarding?.notificationEndpoint === undefined || onboarding.notificationSecret !== undefined) return []
  const reason = 'customers would be told to notify an endpoint that is not there'
  const remedy = 'Set onboarding.notificationSecret too'
  return [refuse('notification-secret', ['onboarding', 'notificationEndpoint'], reason, remedy)]
}

function oidcFindings({ admin }: ParsedSections): RuleFinding[] {
  const oidc = admin?.oidc
  if (oidc === undefined) return []
  const urls = { issuer: oidc.issuer, jwksUri: oidc.jwksUri }
  const findings = Object.entries(urls).flatMap(([name, value]) => {
    if (value === undefined || isTrustworthyUrl(value)) return []
    const remedy = 'Write an https URL (http on loopback only) without credentials, query or fragment'
    return [refuse('oidc-url', ['admin', 'oidc', name], 'this cannot be trusted to name keys', remedy)]
  })
  if (oidc.operatorRoles.length + oidc.auditorRoles.length + oidc.organizationAdminRoles.length > 0) {
    return findings
  }
  const reason = 'no role of the provider is mapped, so only subjects bound by the API get in'
  return [...findings, warn('oidc-roles', ['admin', 'oidc'], reason, 'Set operatorRoles or auditorRoles')]
}

function isTrustworthyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username + url.password + url.search + url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

function overlaps(left: string, right: string): boolean {
  return left === right || [left, right].some((host) => host === '0.0.0.0' || host === '::')
}

// Shares of the revocation bound that a proof of access may take (access/options.ts), and the limit for restoring.
const VERIFICATION_SHARE = 0.4
const RESTORE_MS_MAX = 30_000

function timeFindings({ revocation, kms }: ParsedSections): RuleFinding[] {
  if (revocation === undefined) return []
  const findings: RuleFinding[] = []
  const { boundMs, probeIntervalMs } = revocation
  const verificationMs = boundMs * VERIFICATION_SHARE
  if (probeIntervalMs + verificationMs > RESTORE_MS_MAX) {
    const reason = 'with one proof of access it exceeds the 30 s in which access is to return'
    const remedy = `Choose at most ${formatDuration(Math.max(500, RESTORE_MS_MAX - verificationMs))}, or a shorter revocation.boundMs`
    findings.push(refuse('probe-interval', ['revocation', 'probeIntervalMs'], reason, remedy))
  }
  if (kms === undefined) return findings
  if (kms.outageGraceMs < boundMs) {
    const remedy = `Choose at least revocation.boundMs (${formatDuration(boundMs)})`
    findings.push(refuse('outage-grace', ['kms', 'outageGraceMs'], 'a lease would outlast the grace', remedy))
  }
  if (kms.verifyTimeoutMs > verificationMs) {
    const reason = `a slow proof of access would not leave time for another within ${formatDuration(boundMs)}`
    const remedy = `Choose at most ${formatDuration(verificationMs)}, or a longer revocation.boundMs`
    findings.push(refuse('verify-timeout', ['kms', 'verifyTimeoutMs'], reason, remedy))
  }
  for (const name of ['requestTimeoutMs', 'verifyTimeoutMs'] as const) {
    if (kms.attemptTimeoutMs <= kms[name]) continue
    const remedy = `Choose at least kms.attemptTimeoutMs (${formatDuration(kms.attemptTimeoutMs)})`
    findings.push(refuse('attempt-timeout', ['kms', name], 'not even one attempt fits into it', remedy))
  }
  return findings
}

function cacheFindings({ kms, keyCache }: ParsedSections): RuleFinding[] {
  if (keyCache === undefined) return []
  const findings: RuleFinding[] = []
  if (keyCache.keysPerAuthorityMax > keyCache.keysMax) {
    const path = ['keyCache', 'keysPerAuthorityMax']
    findings.push(
      refuse('key-cache', path, 'one authority could fill the cache', 'Choose at most keyCache.keysMax'),
    )
  }
  if (keyCache.refreshAfterMs >= keyCache.lifetimeMs) {
    const path = ['keyCache', 'refreshAfterMs']
    findings.push(
      refuse(
        'key-refresh',
        path,
        'keys would end before they are renewed',
        'Choose less than keyCache.lifetimeMs',
      ),
    )
  } else if (kms !== undefined && keyCache.lifetimeMs - keyCache.refreshAfterMs < kms.outageGraceMs) {
    const reason = 'a key that is just not renewed yet would end within kms.outageGraceMs'
    const remedy = `Let keyCache.lifetimeMs exceed keyCache.refreshAfterMs by ${formatDuration(kms.outageGraceMs)}`
    findings.push(refuse('key-lifetime', ['keyCache', 'lifetimeMs'], reason, remedy))
  }
  return findings
}

function endpointFindings({ kms }: ParsedSections): RuleFinding[] {
  if (kms === undefined) return []
  return (['kmsEndpoint', 'stsEndpoint'] as const).flatMap((name) => {
    const endpoint = kms[name]
    if (endpoint === undefined) return []
    const path = ['kms', name]
    const example = endpoint.replaceAll('{region}', 'eu-central-1')
    const url = URL.canParse(example) ? new URL(example) : undefined
    if (url !== undefined && (url.username !== '' || url.password !== '')) {
      return [refuse('literal-secret', path, 'a URL must not carry credentials', 'Use kms.credentials')]
    }
    if (url === undefined || !/^https?:$/.test(url.protocol) || /[{}?#]/.test(example)) {
      const remedy = 'Write scheme, host and port; {region} is the only placeholder'
      return [refuse('endpoint', path, 'this is not a plain http or https URL', remedy)]
    }
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return [
        refuse(
          'endpoint-plain-http',
          path,
          'unwrapped keys would leave the machine without TLS',
          'Use https',
        ),
      ]
    }
    return []
  })
}

function accessFindings({ admin, tokens, clientCertificates }: ParsedSections): RuleFinding[] {
  const findings: RuleFinding[] = []
  if (tokens?.length === 0 && clientCertificates?.length === 0) {
    findings.push(
      warn('no-credentials', [], 'there are no tokens, so every request is refused', 'Add tokens'),
    )
  }
  if (admin?.tokens.length === 0 && !admin.metricsOpen) {
    findings.push(warn('no-admin-tokens', ['admin'], 'nobody can read the metrics', 'Add admin.tokens'))
  }
  return findings
}

function objectStoreFindings({ objectStores }: ParsedSections): RuleFinding[] {
  return (objectStores ?? []).flatMap((store, index) => {
    if (!store.mixed) return []
    const reason = 'replaced or unencrypted objects go unnoticed while the store is mixed'
    const at = ['objectStores', index, 'mixed']
    return [warn('store-mixed', at, reason, 'Turn it off when the migration is over')]
  })
}

function storeFindings({ stores }: ParsedSections): RuleFinding[] {
  if (stores?.length === 0) {
    return [warn('no-stores', [], 'there are no stores, so every request is refused', 'Add stores')]
  }
  return (stores ?? []).flatMap((store, index) => {
    const findings: RuleFinding[] = []
    if (store.mixed) {
      const reason = 'replaced or unencrypted values go unnoticed while the store is mixed'
      findings.push(
        warn('store-mixed', ['stores', index, 'mixed'], reason, 'Turn it off when the migration is over'),
      )
    }
    if (store.passUncovered) {
      const reason = 'routes that no coverage rule names pass unencrypted'
      findings.push(
        warn(
          'store-pass-uncovered',
          ['stores', index, 'passUncovered'],
          reason,
          'Cover them, and turn it off',
        ),
      )
    }
    return findings
  })
}
