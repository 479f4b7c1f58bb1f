import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const sourceRoot = resolve(import.meta.dirname, '../../src')

/** Top to bottom: a folder may import only from folders below it. */
const LAYERS = [
  'main.ts',
  'cli',
  'local',
  'probes.ts',
  'gateway.ts',
  'replica',
  'composition',
  'admin',
  'provisioning',
  'data-plane.ts',
  'onboarding',
  'protocol',
  'fleet',
  'access',
  'kms',
  'registry',
  'keyring',
  'tenant',
  'coverage',
  'upstream',
  'listener',
  'workers',
  'audit',
  'postgres',
  'envelope',
  'crypto',
  'observability',
  'config',
  'wire',
  'errors.ts',
]

/** Pure vocabulary that every folder may name as a type. */
const TYPE_SEAMS = new Set(['tenant/tenant.ts'])

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

function sourceFiles(): string[] {
  return readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(sourceRoot, file), 'utf8')
  const pattern = /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm
  return [...text.matchAll(pattern)].map((match) => ({
    from: file,
    to: relative(sourceRoot, resolve(sourceRoot, dirname(file), match[2] ?? match[3]!)),
    typeOnly: match[1] !== undefined,
  }))
}

function externalImportsOf(file: string): string[] {
  const text = readFileSync(join(sourceRoot, file), 'utf8')
  return [...text.matchAll(/from\s+'([^.'][^']*)'/g)].map((match) => match[1]!)
}

function layerOf(file: string): number {
  const layer = LAYERS.indexOf(file.split('/')[0]!)
  expect(layer, `${file} lies in no known layer`).toBeGreaterThanOrEqual(0)
  return layer
}

const files = sourceFiles()
const imports = files.flatMap(importsOf).filter(({ to }) => !to.startsWith('..'))

describe('architecture', () => {
  it('finds the source', () => {
    expect(files.length).toBeGreaterThan(20)
    expect(imports.length).toBeGreaterThan(20)
  })

  it('imports only downward', () => {
    const upward = imports
      .filter(({ to, typeOnly }) => !(typeOnly && TYPE_SEAMS.has(to)))
      .filter(({ from, to }) => layerOf(to) < layerOf(from))
      .map(({ from, to }) => `${from} -> ${to}`)
    expect(upward).toEqual([])
  })

  it('keeps the local development environment out of everything but its own commands', () => {
    const users = imports.filter(({ from, to }) => to.startsWith('local/') && !from.startsWith('local/'))
    expect(users.map(({ from }) => from).filter((from) => !/^cli\/(dev|local|demo)/.test(from))).toEqual([])
  })

  it('lets serve reach nothing of the local development environment', () => {
    const reached = new Set<string>()
    const visit = (file: string): void => {
      if (reached.has(file)) return
      reached.add(file)
      for (const { from, to } of imports) if (from === file) visit(to)
    }
    visit('cli/serve.ts')
    expect(reached.size).toBeGreaterThan(20)
    expect([...reached].filter((file) => file.startsWith('local/'))).toEqual([])
  })

  it('keeps ciphers and key derivation in crypto', () => {
    const ciphers = /createCipheriv|createDecipheriv|hkdfSync|crypto_aead|createSecretKey/
    const offenders = files
      .filter((file) => !file.startsWith('crypto/') && !file.startsWith('local/aws/'))
      .filter(
        (file) =>
          externalImportsOf(file).some((name) => name === 'sodium-native' || name.startsWith('@noble/')) ||
          ciphers.test(readFileSync(join(sourceRoot, file), 'utf8')),
      )
    expect(offenders).toEqual([])
  })

  it('keeps HTTP and logging out of the trusted core', () => {
    const core = /^(crypto|envelope|keyring|workers)\//
    const forbidden = /^(node:http|node:https|node:net|undici|pino|prom-client|fastify)/
    const offenders = files
      .filter((file) => core.test(file))
      .filter((file) => externalImportsOf(file).some((name) => forbidden.test(name)))
    expect(offenders).toEqual([])
  })

  it('reads the environment and exits in one place', () => {
    const offenders = files
      .filter((file) => file !== 'main.ts')
      .filter((file) => /process\.(env|exit)\b/.test(readFileSync(join(sourceRoot, file), 'utf8')))
    expect(offenders).toEqual([])
  })

  it('keeps files and lines short enough to read', () => {
    const long = files.filter((file) => readFileSync(join(sourceRoot, file), 'utf8').split('\n').length > 400)
    expect(long).toEqual([])
  })
})
