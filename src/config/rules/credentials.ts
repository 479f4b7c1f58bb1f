import type { DomainCredential, DomainModel } from '../domain-model.ts'
import { quoted, type RuleFinding } from '../finding.ts'
import { duplicates, refuse } from './rule.ts'

const SHA256 = /^[0-9a-fA-F]{64}$/
const FINGERPRINT = /^(?:[0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}$|^[0-9a-fA-F]{64}$/
const SUBJECT_ALT_NAME = /^(?:DNS|URI):[\x21-\x2b\x2d-\x7e]{1,500}$/
const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Names are unique within their list: they stand for the credential in logs. */
export function credentialNames(model: DomainModel): RuleFinding[] {
  return [model.tokens, model.adminTokens, model.clientCertificates].flatMap((list) =>
    duplicates(
      list.map((entry) => entry.name),
      (later, earlier) =>
        refuse('credential-name', later.path, `${earlier} is the same name`, 'Give each a name of its own'),
    ),
  )
}

/** Each credential says in exactly one way what it is. */
export function credentialSources(model: DomainModel): RuleFinding[] {
  return [
    ...[...model.tokens, ...model.adminTokens].flatMap((token) =>
      sourceFindings(token, 'sha256, env or file'),
    ),
    ...model.clientCertificates.flatMap((entry) =>
      sourceFindings(entry, 'fingerprintSha256 or subjectAltName'),
    ),
  ]
}

function sourceFindings(credential: DomainCredential, choices: string): RuleFinding[] {
  if (credential.sources.length !== 1) {
    const reason =
      credential.sources.length === 0 ? 'nothing says what the credential is' : 'only one source can hold'
    return [refuse('credential-source', credential.path, reason, `Write exactly one of ${choices}`)]
  }
  const { kind, value, path } = credential.sources[0]!
  if (kind === 'sha256' && !SHA256.test(value)) {
    const remedy = 'Write 64 hex digits, from `printf %s "$TOKEN" | sha256sum`; never the token itself'
    return [refuse('credential-digest', path, 'this is not a SHA-256 digest', remedy)]
  }
  if (kind === 'env' && !ENVIRONMENT_NAME.test(value)) {
    const remedy = 'Use letters, digits and underscores; never the token itself'
    return [refuse('credential-environment', path, 'this is not the name of an environment variable', remedy)]
  }
  if (kind === 'fingerprintSha256' && !FINGERPRINT.test(value)) {
    const remedy = 'Write 64 hex digits, from `openssl x509 -fingerprint -sha256`'
    return [refuse('certificate-fingerprint', path, 'this is not a SHA-256 fingerprint', remedy)]
  }
  if (kind === 'subjectAltName' && !SUBJECT_ALT_NAME.test(value)) {
    const remedy = 'Write DNS:name or URI:uri, exactly as the certificate has it, without commas'
    return [refuse('certificate-name', path, `${quoted(value)} is not a subject alternative name`, remedy)]
  }
  return []
}

/** No two credentials are the same: a token of one app must not also be that of another, or of an operator. */
export function distinctCredentials(model: DomainModel): RuleFinding[] {
  const groups = [[...model.tokens, ...model.adminTokens], model.clientCertificates]
  return groups.flatMap((group) =>
    duplicates(
      group.flatMap((entry) =>
        entry.sources.map(({ kind, value, path }) => ({ value: `${kind} ${canonical(kind, value)}`, path })),
      ),
      (later, earlier) =>
        refuse('credential-shared', later.path, `${earlier} is the same credential`, 'Generate one for each'),
    ),
  )
}

function canonical(kind: string, value: string): string {
  return /sha256$/i.test(kind) ? value.replaceAll(':', '').toLowerCase() : value
}

/** Credentials name sites that exist. */
export function credentialSites(model: DomainModel): RuleFinding[] {
  const known = new Set(
    model.organizations.flatMap((organization) => organization.sites.map((site) => site.name?.value)),
  )
  return [...model.tokens, ...model.clientCertificates].flatMap((credential) =>
    credential.sites.flatMap((site) =>
      known.has(site.value)
        ? []
        : [
            refuse(
              'credential-site',
              site.path,
              `there is no site ${quoted(site.value)}`,
              'Correct it, or add the site',
            ),
          ],
    ),
  )
}
