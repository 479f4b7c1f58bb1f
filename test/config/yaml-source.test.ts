import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { parseConfiguration } from '../../src/config/parse.ts'
import { CONFIGURATION_BYTES_MAX } from '../../src/config/yaml-source.ts'
import { BASE, edited, expectFinding, findingsOf } from './support/base.ts'

describe('broken YAML', () => {
  it.each([
    ['an unclosed list', 'stores: [a', 1],
    ['a tab as indentation', 'stores:\n\t- a', 2],
    ['a key twice', 'registry: { file: a }\nregistry: { file: b }', 2],
    ['two documents', 'registry: { file: a }\n---\nregistry: { file: b }', 2],
    ['an unknown tag', 'registry: !secret { file: a }', 1],
    ['an alias without its anchor', 'registry:\n  file: *nowhere', 2],
  ])('refuses %s with its line', (_, text, line) => {
    expect(findingsOf(text)[0]).toMatchObject({ rule: 'yaml', severity: 'error', line })
  })

  it('does not repeat the file in what it says about broken YAML', () => {
    const text = 'tokens:\n  - { name: a, sha256: "hunter2-secret", "hunter2-secret": *hunter2-secret\n'
    expect(JSON.stringify(findingsOf(text))).not.toContain('"hunter2')
    expect(findingsOf(text)).not.toEqual([])
  })

  it.each(['text', '7', '[]', 'true'])('refuses %s as a whole configuration', (text) => {
    expect(findingsOf(text).some(({ severity }) => severity === 'error')).toBe(true)
  })

  it('takes a byte order mark, carriage returns and comments', () => {
    expect(findingsOf(`\uFEFF${BASE.replaceAll('\n', '\r\n')}# end`)).toEqual([])
  })
})

describe('hostile YAML', () => {
  it('refuses aliases that multiply', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let level = 1; level < 10; level += 1) {
      bomb.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`)
    }
    expect(findingsOf(bomb.join('\n'))).toMatchObject([{ rule: 'yaml', severity: 'error' }])
  })

  it('refuses an anchor that contains itself', () => {
    const findings = findingsOf('stores: &a [*a]')
    expect(findings.length).toBeGreaterThan(0)
    expect(findings.some(({ severity }) => severity === 'error')).toBe(true)
  })

  it('takes an alias and places findings behind it', () => {
    const text = edited('apps: [confluence]', 'apps: &wiki [confluence]').concat(
      'logging: &log { level: loud }\n',
    )
    expectFinding(text, 'range', 'loud')
    const aliased = 'registry: { file: a }\nlogging: *nothing\n'.replace('*nothing', '&x { level: info }')
    expect(findingsOf(aliased).filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{a: '.repeat(100_000)],
    ['compact lists', `${'- '.repeat(100_000)}a`],
    ['indented maps', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['explicit keys', '? '.repeat(100_000)],
  ])('refuses deeply nested %s', (_, text) => {
    const findings = findingsOf(text)
    expect(findings[0]).toMatchObject({ severity: 'error' })
  })

  it('takes brackets within texts and comments, in number', () => {
    const text = edited('externalId: acme-external-id', `externalId: acme-external-id # ${'[('.repeat(20)}`)
    expect(findingsOf(text)).toEqual([])
  })

  it('refuses a file that is too long without parsing it', () => {
    const text = `# ${'x'.repeat(CONFIGURATION_BYTES_MAX)}`
    expect(findingsOf(text)).toMatchObject([{ rule: 'file-size', line: 1, column: 1 }])
  })

  it('lists a thousand findings and counts the rest, and never takes the file for usable', () => {
    const stores = Array.from(
      { length: 1_000 },
      (_, index) => `  - { name: "S ${index}", mount: x, upstream: y }`,
    )
    const { findings, configuration } = parseConfiguration(`stores:\n${stores.join('\n')}\n`, 'many.yaml')
    expect(findings).toHaveLength(1_001)
    expect(findings.find(({ rule }) => rule === 'more-findings')).toMatchObject({ severity: 'error' })
    expect(configuration).toBeUndefined()
  })

  it('does not take __proto__ and constructor for options', () => {
    const findings = findingsOf(`__proto__: { logging: 7 }\nconstructor: 1\n${BASE}`)
    expect(findings.map(({ rule, line }) => `${rule} ${line}`)).toEqual(['unknown-key 1', 'unknown-key 2'])
  })
})

describe('any input', () => {
  const checked = (text: string) => {
    const { findings, configuration } = parseConfiguration(text, 'any.yaml')
    const lines = text.split('\n').length
    for (const finding of findings) {
      expect(finding.line).toBeGreaterThanOrEqual(1)
      expect(finding.line).toBeLessThanOrEqual(lines + 1)
      expect(finding.column).toBeGreaterThanOrEqual(1)
      expect(finding.reason).not.toMatch(/[\n\r]/)
    }
    expect(configuration === undefined).toBe(findings.some(({ severity }) => severity === 'error'))
  }

  it('leads to findings and never to an exception, for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), checked), { numRuns: 500 })
  })

  it('leads to findings and never to an exception, for YAML-like text', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '? ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&a ',
      '*a',
      '!!map ',
      '|',
      '>',
      '"',
      "'",
      '#',
      '%',
      '---',
      '...',
      '<<',
      '\t',
      'stores',
      'tokens',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => checked(pieces.join(''))),
      { numRuns: 1_000 },
    )
  })

  it('leads to findings and never to an exception, for any data under known keys', () => {
    const key = fc.constantFrom(
      'stores',
      'organizations',
      'tokens',
      'byok',
      'keys',
      'sites',
      'apps',
      'kms',
      'listener',
      'tls',
      'limits',
      'name',
      'mount',
      'type',
      'location',
      'accountId',
      'roleArn',
      'admin',
      'vendorKeys',
      'credentials',
      'secretAccessKey',
      '__proto__',
    )
    const data = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5 }),
        fc.array(tie('value'), { maxLength: 3 }),
      ),
    })).value
    fc.assert(
      fc.property(data, (value) => checked(stringify(value))),
      { numRuns: 500 },
    )
  })

  it('leads to findings and never to an exception, with any line of a valid file damaged', () => {
    const lines = BASE.split('\n')
    const damage = fc.tuple(fc.nat(lines.length - 1), fc.nat(60), fc.string({ maxLength: 5 }))
    fc.assert(
      fc.property(damage, ([at, column, inserted]) => {
        const line = lines[at]!
        checked(lines.with(at, line.slice(0, column) + inserted + line.slice(column + 1)).join('\n'))
      }),
      { numRuns: 300 },
    )
  })
})
