import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bindableAddress, checkConfiguration, type Probes } from '../../src/config/check.ts'
import { ConfigurationRefused } from '../../src/config/finding.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from '../../src/keyring/key-service.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'
import { BASE, edited, placeOf } from './support/base.ts'
import { LOCALHOST_CERT, LOCALHOST_KEY } from './support/tls.ts'

const environment = { WIKI_TOKEN: 'wiki-token-of-sufficient-length' }

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-check-'))
  file = join(folder, 'portcullis.yaml')
  writeFileSync(file, BASE)
  writeFileSync(join(folder, 'gateway.crt'), LOCALHOST_CERT)
  writeFileSync(join(folder, 'gateway.key'), LOCALHOST_KEY)
  writeFileSync(join(folder, 'clients.crt'), LOCALHOST_CERT)
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const nothing = async () => {}

function check(probes: Partial<Probes> = {}, connect = true) {
  const all = {
    coverage: nothing,
    store: nothing,
    objectStore: nothing,
    registry: nothing,
    key: nothing,
    bind: nothing,
    ...probes,
  }
  return checkConfiguration(file, { connect, environment, probes: all })
}

describe('check', () => {
  it('has nothing to say when everything works', async () => {
    await expect(check()).resolves.toEqual([])
  })

  it('looks at nothing but the file when offline', async () => {
    const fail = async () => {
      throw new Error('probed')
    }
    rmSync(join(folder, 'gateway.crt'))
    const probes = { coverage: fail, store: fail, objectStore: fail, registry: fail, key: fail, bind: fail }
    await expect(checkConfiguration(file, { connect: false, environment: {}, probes })).resolves.toEqual([])
  })

  it('tries no connection with a configuration that cannot be used', async () => {
    writeFileSync(file, edited('mount: /jira', 'mount: jira'))
    const fail = async () => {
      throw new Error('probed')
    }
    const findings = await check({ store: fail, key: fail })
    expect(findings.map(({ rule }) => rule)).toEqual(['store-mount'])
  })

  it('tries every key in every region on its own', async () => {
    const tried: string[] = []
    await check({
      key: async ({ id, kind, keys }) =>
        void tried.push(`${kind} ${id} ${keys.map(({ region }) => region).join()}`),
    })
    expect(tried.toSorted()).toEqual([
      'byok acme eu-central-1',
      'byok acme eu-west-1',
      'byok umbrella eu-central-1',
      'vendor vendor:europe eu-central-1',
      'vendor vendor:europe eu-west-1',
    ])
  })

  it.each([
    ['access-denied', 'AccessDenied', 'sts:AssumeRole'],
    ['key-disabled', 'DisabledException', 'Enable the key'],
    ['key-pending-deletion', 'KMSInvalidStateException', 'Cancel the deletion'],
    ['key-not-found', 'NotFoundException', 'Correct the ARN'],
  ] as const)('says at the line of the key what to do about %s', async (reason, awsError, remedy) => {
    const key = async (authority: KeyAuthority) => {
      const { region } = authority.keys[0]!
      if (authority.id === 'acme' && region === 'eu-west-1')
        throw new KeyAccessDenied(reason, region, awsError, 'request-1')
    }
    const findings = await check({ key })
    expect(findings).toMatchObject([
      {
        rule: 'key',
        path: 'organizations[0].byok.keys.eu-west-1',
        ...placeOf('arn:aws:kms:eu-west-1:111122223333', BASE),
        reason: `key in eu-west-1: ${reason} (${awsError})`,
      },
    ])
    expect(findings[0]?.remedy).toContain(remedy)
  })

  it('tells an outage of the key service from a denial', async () => {
    const key = async () => {
      throw new KeyServiceUnavailable('STS in eu-west-1 timed out')
    }
    const findings = await check({ key })
    expect(findings).toHaveLength(5)
    expect(findings[0]?.remedy).toContain('can be reached')
  })

  it('reports stores, registry, coverage and sockets that do not work, each at its line', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const findings = await check({
      store: async ({ name }) => {
        if (name === 'confluence') throw refused
      },
      registry: async () => {
        throw Object.assign(new Error('no'), { code: 'EACCES' })
      },
      bind: async (_, port) => {
        if (port === 8081) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
      },
    })
    expect(findings.map(({ line, path, reason }) => [line, path, reason])).toEqual([
      [2, 'registry.file', 'the registry cannot be opened: (EACCES)'],
      [8, 'admin.port', 'cannot listen there: (EADDRINUSE)'],
      [20, 'stores[1].upstream', 'the store cannot be reached: (ECONNREFUSED)'],
    ])
  })

  it('adds the findings of a coverage file, with that file', async () => {
    const inside = {
      severity: 'error',
      rule: 'path',
      file: 'wiki.yaml',
      line: 3,
      column: 5,
      path: '',
      reason: 'r',
      remedy: 'm',
    } as const
    const findings = await check({
      coverage: async ({ coverage }) => {
        if (coverage !== 'jira') throw new ConfigurationRefused([inside])
      },
    })
    expect(findings).toMatchObject([{ path: 'stores[1].coverage', line: 22 }, inside])
  })

  it('finds a socket that is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    await expect(bindableAddress('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => {
      server.close(resolve)
    })
    await expect(bindableAddress('127.0.0.1', port)).resolves.toBeUndefined()
  })
})
