import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigurationRefused, formatFinding } from '../../src/config/finding.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { BASE, edited } from './support/base.ts'
import { EXPIRED_CERT, LOCALHOST_CERT, LOCALHOST_KEY, OTHER_KEY } from './support/tls.ts'

const WIKI_TOKEN = 'wiki-token-of-sufficient-length'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-config-'))
  file = join(folder, 'portcullis.yaml')
  write('gateway.crt', LOCALHOST_CERT)
  write('gateway.key', LOCALHOST_KEY)
  write('clients.crt', LOCALHOST_CERT)
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

function write(name: string, content: string): void {
  writeFileSync(join(folder, name), content)
}

function load(text: string, environment: Record<string, string> = { WIKI_TOKEN }) {
  writeFileSync(file, text)
  return loadConfiguration(file, environment)
}

function refusal(text: string, environment?: Record<string, string>): ConfigurationRefused {
  try {
    load(text, environment)
  } catch (error) {
    if (error instanceof ConfigurationRefused) return error
    throw error
  }
  throw new Error('the configuration was not refused')
}

describe('what a configuration refers to', () => {
  it('is read from the environment and from files beside the configuration', () => {
    const { materials, findings } = load(BASE)
    expect(findings).toEqual([])
    expect(materials.tokens).toEqual([
      { name: 'tracker', sha256: 'b'.repeat(64), sites: ['acme'] },
      {
        name: 'wiki',
        sha256: createHash('sha256').update(WIKI_TOKEN).digest('hex'),
        sites: ['acme', 'umbrella'],
      },
    ])
    expect(materials.adminTokens).toEqual([{ name: 'prometheus', sha256: 'a'.repeat(64), role: 'auditor' }])
    expect(materials.listenerTls).toEqual({ cert: LOCALHOST_CERT, key: LOCALHOST_KEY, ca: LOCALHOST_CERT })
    expect(materials.kmsCredentials).toBeUndefined()
  })

  it('has a line feed at the end of a token file taken off, and nothing else', () => {
    write('token', `${WIKI_TOKEN}\r\n`)
    const text = edited('env: WIKI_TOKEN', 'file: token')
    expect(load(text).materials.tokens[1]?.sha256).toBe(createHash('sha256').update(WIKI_TOKEN).digest('hex'))
  })

  it('holds KMS credentials only when all of them are there', () => {
    const text = `kms:
  credentials:
    accessKeyId: AKIAIOSFODNN7EXAMPLE
    secretAccessKey: { env: AWS_SECRET }
    sessionToken: { file: session }
${BASE}`
    write('session', 'a-session-token\n')
    expect(load(text, { WIKI_TOKEN, AWS_SECRET: 'the-secret' }).materials.kmsCredentials).toEqual({
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'the-secret',
      sessionToken: 'a-session-token',
    })
    expect(refusal(text).findings).toMatchObject([
      { rule: 'secret-missing', line: 4, path: 'kms.credentials.secretAccessKey' },
    ])
  })

  it('makes the paths of coverage files and of the registry absolute, and leaves presets alone', () => {
    const { configuration } = load(BASE)
    expect(configuration.registry.file).toBe(join(folder, 'registry.sqlite'))
    expect(configuration.stores.map(({ coverage }) => coverage)).toEqual([
      'jira',
      join(folder, 'coverage/wiki.yaml'),
    ])
  })
})

describe('a configuration is refused', () => {
  it.each([
    ['a variable that is not set', {}],
    ['an empty variable', { WIKI_TOKEN: '' }],
  ])('with the line of %s', (_, environment) => {
    expect(refusal(BASE, environment).findings).toMatchObject([
      { rule: 'secret-missing', path: 'tokens[1].env', line: 65 },
    ])
  })

  it.each([['short'], ['has spaces has spaces has spaces'], ['zeichen-außerhalb-von-ascii-äöü']])(
    'for the weak token %j, which it does not repeat',
    (token) => {
      const refused = refusal(BASE, { WIKI_TOKEN: token })
      expect(refused.findings).toMatchObject([{ rule: 'weak-token', path: 'tokens[1].env' }])
      expect(refused.message).not.toContain(token)
    },
  )

  it('for a token in the environment that is also that of another entry', () => {
    const digest = createHash('sha256').update(WIKI_TOKEN).digest('hex')
    expect(refusal(edited('b'.repeat(64), digest)).findings).toMatchObject([
      { rule: 'credential-shared', path: 'tokens[1]' },
    ])
  })

  it('for each file that cannot be read, at once', () => {
    rmSync(join(folder, 'gateway.crt'))
    rmSync(join(folder, 'clients.crt'))
    const { findings } = refusal(BASE)
    expect(findings.map(({ rule, path }) => `${rule} ${path}`)).toEqual([
      'file listener.tls.certFile',
      'file listener.tls.clientCaFile',
    ])
    expect(findings[0]?.reason).toContain('ENOENT')
  })

  it('for a folder in place of a file', () => {
    mkdirSync(join(folder, 'folder'))
    expect(refusal(edited('gateway.crt', 'folder')).findings).toMatchObject([{ rule: 'file' }])
  })

  it('for a device in place of a file, which could be read without end', () => {
    expect(refusal(edited('env: WIKI_TOKEN', 'file: /dev/zero')).findings).toMatchObject([{ rule: 'file' }])
  })

  it('for an empty token file', () => {
    write('token', '\n')
    expect(refusal(edited('env: WIKI_TOKEN', 'file: token')).findings).toMatchObject([
      { rule: 'secret-missing' },
    ])
  })

  it('for a certificate that is none, without repeating it', () => {
    write('gateway.crt', 'hunter2')
    const refused = refusal(BASE)
    expect(refused.findings).toMatchObject([{ rule: 'certificate', path: 'listener.tls.certFile' }])
    expect(refused.message).not.toContain('hunter2')
  })

  it('for a key of another certificate', () => {
    write('gateway.key', OTHER_KEY)
    expect(refusal(BASE).findings).toMatchObject([{ rule: 'certificate-key', path: 'listener.tls.keyFile' }])
  })

  it('for a key that is none', () => {
    write('gateway.key', 'hunter2')
    const refused = refusal(BASE)
    expect(refused.findings).toMatchObject([{ rule: 'certificate-key' }])
    expect(refused.message).not.toContain('hunter2')
  })

  it('for a file that does not exist', () => {
    expect(() => loadConfiguration(join(folder, 'missing.yaml'), {})).toThrow(
      /missing\.yaml:1:1: error: .*ENOENT/,
    )
  })

  it('in one line for each finding, as a compiler prints them', () => {
    const { message, findings } = refusal(edited('mount: /jira', 'mount: jira'))
    expect(message.split('\n')).toEqual(findings.map(formatFinding))
    expect(message).toMatch(/portcullis\.yaml:14:12: error: stores\[0\]\.mount: .*\. .*\. \[store-mount\]$/)
  })
})

it('warns of an expired certificate', () => {
  write('gateway.crt', EXPIRED_CERT)
  expect(load(BASE).findings).toMatchObject([{ rule: 'certificate-expired', severity: 'warning' }])
})
