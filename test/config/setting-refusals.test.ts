import { describe, expect, it } from 'vitest'
import { BASE, edited, expectFinding, findingsOf } from './support/base.ts'

const withSection = (section: string) => `${section}\n${BASE}`
const withListener = (lines: string) => edited('listener:\n', `listener:\n  ${lines}\n`)

describe('notifications', () => {
  it('refuses an endpoint that customers would be told of and that is not there', () => {
    const endpoint = "onboarding: { notificationEndpoint: 'https://gateway.example/notifications/v1/aws' }"
    const text = withSection(endpoint)
    expectFinding(text, 'notification-secret', "'https://gateway.example/notifications/v1/aws'")
  })
})

describe('shape', () => {
  it('refuses an unknown key at its key and suggests the one that is meant', () => {
    const finding = expectFinding(edited('    hosts', '    hots'), 'unknown-key', 'hots')
    expect(finding.remedy).toContain('hosts')
  })

  it('refuses an unknown section and names the known ones', () => {
    expect(expectFinding(withSection('plugins: []'), 'unknown-key', 'plugins').remedy).toContain(
      'organizations',
    )
  })

  it('refuses a removed option and names its successor', () => {
    const text = edited(
      'accountId: "444455556666"',
      'location: germany # old\n      accountId: "444455556666"',
    )
    expect(expectFinding(text, 'removed-option', 'location: germany # old').remedy).toContain(
      'organizations.location',
    )
  })

  it.each([
    ['5 apples', 'type'],
    ['-5', 'type'],
    ['1.5', 'type'],
    ['[]', 'type'],
    ['"1e3s"', 'type'],
    ['null', 'type'],
    ['1ms', 'range'],
    ['2h', 'range'],
  ])('refuses %s as a timeout', (value, rule) => {
    const text = withListener(`limits: { idleTimeoutMs: ${value} }`)
    expect(expectFinding(text, rule, `${value} }`).path).toBe('listener.limits.idleTimeoutMs')
  })

  it.each([
    ['3 apples', 'type'],
    ['16mib', 'type'],
    ['1KiB', 'range'],
  ])('refuses %s as a size', (value, rule) => {
    expectFinding(withListener(`limits: { headerBytesMax: ${value} }`), rule, `${value} }`)
  })

  it.each([
    ['port: 65536', '65536'],
    ['port: -1', '-1\n'],
  ])('refuses %s', (line, mark) => {
    expectFinding(withListener(line), 'range', mark)
  })

  it('refuses a fraction and a text where a whole number is expected', () => {
    expectFinding(withListener('port: 80.5'), 'type', '80.5')
    expectFinding(withListener('port: "8080"'), 'type', '"8080"')
  })

  it('refuses a list in place of a section and a section in place of a list', () => {
    expectFinding(withSection('logging: []'), 'type', '[]')
    const text = BASE.slice(0, BASE.indexOf('tokens:\n  - name: tracker')).concat('tokens: { a: b }\n')
    expectFinding(text, 'type', '{ a: b }')
  })

  it('refuses a level that does not exist and names those that do', () => {
    expect(expectFinding(withSection('logging: { level: verbose }'), 'range', 'verbose').remedy).toContain(
      'debug',
    )
  })

  it('names what an empty file lacks', () => {
    expect(findingsOf('').filter(({ severity }) => severity === 'error')).toMatchObject([
      { rule: 'missing-key', path: 'registry.file', line: 1, column: 1 },
    ])
  })

  it('reports everything at once and in the order of the file', () => {
    const text = edited('location: germany', 'location: mars')
      .replace('mount: /jira', 'mount: jira')
      .replace('sites: [acme, umbrella]', 'sites: [nobody]')
      .replace('file: registry.sqlite', 'file: 7')
    const findings = findingsOf(`kms: { requestTimeoutMs: 1h }\nlistenr: {}\n${text}`)
    expect(findings.map(({ rule }) => rule)).toEqual([
      'range',
      'unknown-key',
      'type',
      'store-mount',
      'location',
      'credential-site',
    ])
    expect(findings.map(({ line }) => line)).toEqual(
      findings.map(({ line }) => line).toSorted((a, b) => a - b),
    )
  })
})

describe('sockets', () => {
  it('refuses one port for both planes', () => {
    expectFinding(edited('admin:\n', 'admin:\n  port: 8080 # same\n'), 'port-conflict', '8080 # same')
  })

  it('refuses a host that is none', () => {
    expectFinding(withListener('host: "http://x"'), 'bind-host', '"http://x"')
  })

  it('warns of a plane without TLS on an address that others reach', () => {
    const finding = expectFinding(
      edited('admin:\n', 'admin:\n  host: 0.0.0.0\n'),
      'plain-listener',
      '0.0.0.0',
    )
    expect(finding).toMatchObject({ severity: 'warning', path: 'admin.host' })
  })

  it('refuses a buffered body that exceeds the budget', () => {
    const text = withListener('limits: { bufferedBodyBytesMax: 2MiB, bufferBudgetBytes: 1MiB }')
    expectFinding(text, 'buffer-budget', '2MiB')
  })

  it('warns when nobody could make a request or read metrics', () => {
    const rules = findingsOf('registry: { file: a }').map(({ rule, severity }) => `${rule} ${severity}`)
    expect(rules.toSorted()).toEqual([
      'no-admin-tokens warning',
      'no-credentials warning',
      'no-stores warning',
    ])
  })
})

describe('times', () => {
  it('refuses a grace that is shorter than the bound', () => {
    expectFinding(withSection('kms: { outageGraceMs: 4s }'), 'outage-grace', '4s')
  })

  it('refuses a proof of access that may take more than 0.4 of the bound', () => {
    expectFinding(withSection('kms: { verifyTimeoutMs: 2001 }'), 'verify-timeout', '2001')
    expect(findingsOf(withSection('kms: { verifyTimeoutMs: 2000 }'))).toEqual([])
  })

  it('refuses probes so rare that access would not return within 30 s', () => {
    expectFinding(withSection('revocation: { boundMs: 20s, probeIntervalMs: 23s }'), 'probe-interval', '23s')
  })

  it('refuses an attempt that outlasts its call', () => {
    expectFinding(withSection('kms: { attemptTimeoutMs: 2s }'), 'attempt-timeout', 'kms: {')
  })

  it('refuses keys that end before they are renewed, or during an outage', () => {
    expectFinding(withSection('keyCache: { refreshAfterMs: 1h }'), 'key-refresh', '1h')
    expectFinding(withSection('keyCache: { lifetimeMs: 44m }'), 'key-lifetime', '44m')
  })

  it('refuses a share of the cache that is more than the cache', () => {
    expectFinding(withSection('keyCache: { keysMax: 999, keysPerAuthorityMax: 1001 }'), 'key-cache', '1001')
  })
})

describe('endpoints', () => {
  it.each([['kms.internal'], ['ftp://kms.internal'], ['https://{zone}.kms.internal']])(
    'refuses the endpoint %j',
    (endpoint) => {
      expectFinding(withSection(`kms: { kmsEndpoint: "${endpoint}" }`), 'endpoint', `"${endpoint}"`)
    },
  )

  it('refuses plain http to another machine, since unwrapped keys would travel on it', () => {
    expectFinding(
      withSection('kms: { kmsEndpoint: "http://kms.internal" }'),
      'endpoint-plain-http',
      '"http://kms.internal"',
    )
  })

  it('refuses credentials in an endpoint', () => {
    expectFinding(
      withSection('kms: { stsEndpoint: "https://a:b@sts.internal" }'),
      'literal-secret',
      '"https://a:b@sts.internal"',
    )
  })

  it('takes an endpoint with the region in it', () => {
    expect(findingsOf(withSection('kms: { kmsEndpoint: "https://kms.{region}.internal" }'))).toEqual([])
  })
})

describe('audit', () => {
  const forwarder = (lines: string) => withSection(`audit: { forwarders: [{ name: siem, ${lines} }] }`)

  it.each([
    ['kind: webhook, url: "http://siem.example.com/", secret: { env: S }', 'http://siem'],
    ['kind: otlp, url: "tls://siem.example.com:1"', 'tls://siem'],
    ['kind: otlp, url: "https://user:word@siem.example.com/v1/logs"', 'https://user'],
    ['kind: syslog, url: "tcp://siem.example.com:514"', 'tcp://siem'],
    ['kind: syslog, url: "tls://siem.example.com"', 'tls://siem'],
    ['kind: otlp, url: "nowhere"', 'nowhere'],
  ])('refuses to send events to %s', (lines, mark) => {
    expectFinding(forwarder(lines), 'forwarder-url', `"${mark}`)
  })

  it('refuses a webhook without a secret, and a name that is there twice', () => {
    const rules = (text: string) => findingsOf(text).map(({ rule, path }) => `${rule} ${path}`)
    expect(rules(forwarder('kind: webhook, url: "https://siem.example.com/"'))).toContain(
      'missing-key audit.forwarders[0].secret',
    )
    const one = '{ name: siem, kind: otlp, url: "https://siem.example.com/" }'
    expect(rules(withSection(`audit: { forwarders: [${one}, ${one}] }`))).toContain(
      'name-twice audit.forwarders[1].name',
    )
  })

  it('takes loopback without TLS', () => {
    const rules = findingsOf(forwarder('kind: syslog, url: "tcp://127.0.0.1:514"')).map(({ rule }) => rule)
    expect(rules).not.toContain('forwarder-url')
  })
})
