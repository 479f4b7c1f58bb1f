import { expect } from 'vitest'
import type { Finding } from '../../../src/config/finding.ts'
import { formatFinding } from '../../../src/config/finding.ts'
import { parseConfiguration } from '../../../src/config/parse.ts'

/** A configuration without findings that has one of everything the rules look at. */
export const BASE = `registry:
  file: registry.sqlite
listener:
  tls:
    certFile: gateway.crt
    keyFile: gateway.key
    clientCaFile: clients.crt
admin:
  tokens:
    - name: prometheus
      sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
stores:
  - name: jira
    mount: /jira
    upstream: https://jira.internal
    apps: [jira, jira-service-management]
    coverage: jira
  - name: confluence
    mount: /confluence
    upstream: https://confluence.internal
    apps: [confluence]
    coverage: coverage/wiki.yaml
vendorKeys:
  - location: europe
    accountId: "999988887777"
    roleArn: arn:aws:iam::999988887777:role/vendor
    externalId: vendor-external-id
    keys:
      eu-central-1: arn:aws:kms:eu-central-1:999988887777:key/mrk-11111111111111111111111111111111
      eu-west-1: arn:aws:kms:eu-west-1:999988887777:key/mrk-11111111111111111111111111111111
organizations:
  - id: acme
    location: europe
    byok:
      accountId: "111122223333"
      roleArn: arn:aws:iam::111122223333:role/portcullis
      externalId: acme-external-id
      keys:
        eu-central-1: arn:aws:kms:eu-central-1:111122223333:key/mrk-22222222222222222222222222222222
        eu-west-1: arn:aws:kms:eu-west-1:111122223333:key/mrk-22222222222222222222222222222222
    sites:
      - name: acme
        hosts: [acme.example]
        apps:
          - { type: jira, byok: true }
          - { type: jira-service-management, byok: true }
          - { type: confluence }
  - id: umbrella
    location: germany
    byok:
      accountId: "444455556666"
      roleArn: arn:aws:iam::444455556666:role/team/portcullis
      externalId: umbrella-external-id
      keys:
        eu-central-1: arn:aws:kms:eu-central-1:444455556666:key/33333333-3333-3333-3333-333333333333
    sites:
      - name: umbrella
        apps:
          - { type: confluence, byok: true }
tokens:
  - name: tracker
    sha256: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    sites: [acme]
  - name: wiki
    env: WIKI_TOKEN
    sites: [acme, umbrella]
clientCertificates:
  - name: tracker-certificate
    subjectAltName: DNS:tracker.example
    sites: [acme]
`

/** The base with one place changed; the place must be there exactly once. */
export function edited(from: string, to: string, base = BASE): string {
  expect(base.split(from).length, `${JSON.stringify(from)} stands in the text once`).toBe(2)
  return base.replace(from, () => to)
}

/** All findings of a text. */
export function findingsOf(text: string): readonly Finding[] {
  return parseConfiguration(text, 'portcullis.yaml').findings
}

/** Line and column, counted from 1, of a text that stands in another exactly once. */
export function placeOf(mark: string, text: string): { line: number; column: number } {
  expect(text.split(mark).length, `${JSON.stringify(mark)} stands in the text once`).toBe(2)
  const before = text.slice(0, text.indexOf(mark)).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

/** Expects one finding of a rule, placed at `mark`, and gives it back. */
export function expectFinding(text: string, rule: string, mark: string): Finding {
  const findings = findingsOf(text)
  const all = findings.map(formatFinding).join('\n')
  const found = findings.filter((finding) => finding.rule === rule)
  expect(found.length, `one finding of ${rule} among:\n${all}`).toBe(1)
  const finding = found[0]!
  expect({ line: finding.line, column: finding.column }, all).toEqual(placeOf(mark, text))
  expect(finding.file).toBe('portcullis.yaml')
  expect(finding.reason).not.toBe('')
  expect(finding.remedy).not.toBe('')
  return finding
}
