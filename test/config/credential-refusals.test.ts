import { describe, expect, it } from 'vitest'
import { edited, expectFinding, findingsOf } from './support/base.ts'

const DIGEST = 'b'.repeat(64)

describe('tokens and certificates', () => {
  it('refuses a name twice', () => {
    expectFinding(edited('- name: wiki', '- name: tracker # again'), 'credential-name', 'tracker # again')
  })

  it('refuses a token that nothing describes', () => {
    expectFinding(edited('    env: WIKI_TOKEN\n', ''), 'credential-source', 'name: wiki')
  })

  it('refuses a token that two sources describe', () => {
    const text = edited('    env: WIKI_TOKEN', '    env: WIKI_TOKEN\n    file: /run/token')
    expectFinding(text, 'credential-source', 'name: wiki')
  })

  it.each([['token'], ['value'], ['secret'], ['password'], ['Bearer']])(
    'refuses a literal secret under %s and does not repeat it',
    (key) => {
      const text = edited('env: WIKI_TOKEN', `${key}: hunter2-is-my-literal-token`)
      const finding = expectFinding(text, 'literal-secret', `${key}: hunter2`)
      expect(finding.remedy).toContain('sha256')
      expect(JSON.stringify(findingsOf(text))).not.toContain('hunter2')
    },
  )

  it('refuses a token in place of its digest and does not repeat it', () => {
    const text = edited(DIGEST, 'hunter2-is-my-literal-token')
    expectFinding(text, 'credential-digest', 'hunter2-is-my-literal-token')
    expect(JSON.stringify(findingsOf(text))).not.toContain('hunter2')
  })

  it('refuses a token in place of the name of its variable and does not repeat it', () => {
    const text = edited('WIKI_TOKEN', 'hunter2-is-my-literal-token')
    expectFinding(text, 'credential-environment', 'hunter2-is-my-literal-token')
    expect(JSON.stringify(findingsOf(text))).not.toContain('hunter2')
  })

  it('refuses a token that an app and an administrator share, whatever its case', () => {
    expectFinding(edited(DIGEST, 'A'.repeat(64)), 'credential-shared', 'a'.repeat(64))
  })

  it('refuses a site that does not exist', () => {
    expectFinding(edited('[acme, umbrella]', '[acme, nobody]'), 'credential-site', 'nobody')
  })

  it('refuses a token without sites', () => {
    expectFinding(edited('sites: [acme, umbrella]', 'sites: []'), 'range', '[]')
    expectFinding(
      edited('    env: WIKI_TOKEN\n    sites: [acme, umbrella]', '    env: WIKI_TOKEN'),
      'missing-key',
      'name: wiki',
    )
  })

  it('refuses a certificate that two descriptions or none describe', () => {
    const both = edited(
      'subjectAltName: DNS:tracker.example',
      `subjectAltName: DNS:tracker.example\n    fingerprintSha256: ${'c'.repeat(64)}`,
    )
    expectFinding(both, 'credential-source', 'name: tracker-certificate')
    expectFinding(
      edited('    subjectAltName: DNS:tracker.example\n', ''),
      'credential-source',
      'name: tracker-certificate',
    )
  })

  it.each([['tracker.example'], ['IP:127.0.0.1'], ['DNS:a, DNS:b']])(
    'refuses the subject alternative name %j',
    (name) => {
      expectFinding(edited('DNS:tracker.example', `"${name}"`), 'certificate-name', `"${name}"`)
    },
  )

  it('refuses a malformed fingerprint', () => {
    const text = edited('subjectAltName: DNS:tracker.example', 'fingerprintSha256: "AB:CD"')
    expectFinding(text, 'certificate-fingerprint', '"AB:CD"')
  })

  it('refuses client certificates without an authority to check them', () => {
    const finding = expectFinding(
      edited('    clientCaFile: clients.crt\n', ''),
      'client-ca-missing',
      '- name: tracker-certificate',
    )
    expect(finding.path).toBe('clientCertificates')
  })
})

describe('KMS credentials', () => {
  const withSecret = (secret: string) =>
    edited(
      'registry:\n',
      `kms:\n  credentials:\n    accessKeyId: AKIAIOSFODNN7EXAMPLE\n    secretAccessKey: ${secret}\nregistry:\n`,
    )

  it('refuses a literal secret and does not repeat it', () => {
    const text = withSecret('wJalrXUtnFEMI')
    expectFinding(text, 'literal-secret', 'wJalrXUtnFEMI')
    expect(JSON.stringify(findingsOf(text))).not.toContain('wJalr')
  })

  it('takes references to the environment and to files', () => {
    expect(findingsOf(withSecret('{ env: SECRET }'))).toEqual([])
    expect(findingsOf(withSecret('{ file: /run/secret }'))).toEqual([])
  })

  it.each([
    ['{}'],
    ['{ env: A, file: b }'],
    ['{ env: "no name" }'],
    ['{ file: "" }'],
    ['{ vault: a }'],
    ['[a]'],
    ['true'],
    ['null'],
  ])('refuses %s as a reference', (reference) => {
    expectFinding(withSecret(`${reference} # here`), 'type', `${reference} # here`)
  })
})
