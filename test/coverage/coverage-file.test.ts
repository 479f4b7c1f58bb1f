import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigurationRefused } from '../../src/config/finding.ts'
import { loadCoverage, parseCoverage, presetCoverage } from '../../src/coverage/load-coverage.ts'
import { clearPaths, sealedPaths } from './judge.ts'

const TICKETS = `
entities:
  ticket:
    dataClass: issue
    rules:
      - clear: [id, 'notes[].id']
      - searchable: customer
      - include: note
        at: notes[]
  note:
    dataClass: comment
    rules:
      - clear: author
routes:
  - methods: [GET]
    paths: /tickets
    response: { entity: ticket, at: 'data[]', clear: [took] }
    query: [{ name: customer, field: customer }]
    limits: { responseBytesMax: 1000 }
  - methods: [POST]
    paths: [/tickets, /v2/tickets]
    request: { entity: ticket, shape: ndjson }
    response: clear
  - methods: [GET]
    paths: /health
    action: pass
  - methods: [GET]
    paths: /live
    action: upgrade
`

function findingsOf(text: string): string[] {
  try {
    parseCoverage(text, 'custom.yaml')
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationRefused)) throw error
    return error.findings.map(({ file, line, rule }) => `${file}:${line} ${rule}`)
  }
}

describe('a coverage file', () => {
  const coverage = parseCoverage(TICKETS, 'tickets.yaml')

  it('compiles to rows with a plan per direction', () => {
    const list = coverage.matchRoute('GET', '/tickets')!
    expect(list).toMatchObject({ template: '/tickets', action: 'transform', request: { shape: 'none' } })
    expect(list.limits.responseBytesMax).toBe(1000)
    expect(list.query).toEqual([
      { name: 'customer', fieldName: 'customer', rule: { dataClass: 'issue', mode: 'searchable' } },
    ])
    expect(coverage.matchRoute('POST', '/v2/tickets')).toMatchObject({
      template: '/v2/tickets',
      request: { shape: 'ndjson' },
      response: { shape: 'clear' },
    })
    expect(coverage.matchRoute('GET', '/health')?.action).toBe('pass')
    expect(coverage.matchRoute('GET', '/live')?.action).toBe('upgrade')
    expect(coverage.matchRoute('DELETE', '/tickets')).toBeUndefined()
  })

  it('wraps entities in a list, where only paging and named members stay clear', () => {
    const { state } = coverage.matchRoute('GET', '/tickets')!.response
    const list = {
      data: [{ id: 1, customer: 'c', text: 't' }],
      total: 1,
      next: 'n',
      took: 3,
      extra: { id: 1 },
    }
    expect(clearPaths(state, list)).toEqual(['data[].id', 'total', 'next', 'took'])
    expect(sealedPaths(state, { data: 'scalar' })).toEqual(['data: issue'])
    expect(sealedPaths(state, [1])).toEqual(['[]: issue'])
  })

  it('includes the rules of another entity, with its data class', () => {
    const state = coverage.entityState('ticket')!
    const ticket = { notes: [{ id: 1, author: 'a', text: 't' }, 'scalar'] }
    expect(sealedPaths(state, ticket)).toEqual([
      'notes[].id: comment',
      'notes[].text: comment',
      'notes[]: comment',
    ])
    expect(clearPaths(state, ticket)).toEqual(['notes[].author'])
  })

  it('extends a preset: rules are appended, rows replaced', () => {
    const extended = parseCoverage(
      `extends: jira
entities:
  issue:
    rules:
      - encrypt: fields.assignee
      - searchable: fields.customfield_10050
routes:
  - methods: [GET]
    paths: '/issue/{key}'
    action: refuse
  - methods: [GET]
    paths: /find
    response: { entity: issue, at: 'hits[]' }
    query: [{ name: f, field: fields.customfield_10050 }]`,
      'extended.yaml',
    )
    expect(sealedPaths(extended.entityState('issue')!, { fields: { assignee: 1, reporter: 2 } })).toEqual([
      'fields.assignee: issue',
    ])
    expect(extended.matchRoute('GET', '/issue/1')?.action).toBe('refuse')
    expect(extended.matchRoute('HEAD', '/issue/1')?.action).toBe('transform')
    expect(extended.matchRoute('GET', '/find')?.query[0]?.fieldName).toBe('customfield_10050')
    // the preset itself is untouched
    expect(presetCoverage('jira').matchRoute('GET', '/issue/1')?.action).toBe('transform')
  })

  it('is found by path, and says so when it is not there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'coverage-'))
    writeFileSync(join(directory, 'tickets.yaml'), TICKETS)
    expect(loadCoverage('./tickets.yaml', directory).matchRoute('GET', '/tickets')).toBeDefined()
    expect(loadCoverage('confluence', directory)).toBe(presetCoverage('confluence'))
    expect(() => loadCoverage('./none.yaml', directory)).toThrow(/none\.yaml:1:1.*ENOENT/)
    rmSync(directory, { recursive: true })
  })
})

describe('findings', () => {
  const entity = 'entities:\n  a:\n    dataClass: issue\n'

  it('point at the line of an unknown key, value or type', () => {
    expect(findingsOf('entitys: {}')).toEqual(['custom.yaml:1 unknown-key'])
    expect(findingsOf(`${entity}    rules:\n      - { clear: x, fieldName: y }`)).toHaveLength(1)
    expect(findingsOf(`${entity}    rules:\n      - { encrypt: x, fieldName: '' }`)).toHaveLength(1)
    expect(findingsOf(`${entity}    rules:\n      - { encrypt: x, fieldName: y }`)).toEqual([])
    expect(findingsOf(`${entity}    colour: red`)).toEqual(['custom.yaml:4 unknown-key'])
    expect(findingsOf('entities:\n  a:\n    dataClass: attachment')).toEqual(['custom.yaml:3 range'])
    expect(findingsOf(`${entity}    rules:\n      - clear: [x]\n      - klear: y`)).toHaveLength(1)
    expect(findingsOf(`${entity}    rules:\n      - clear: [x]\n      - klear: y`)[0]).toMatch(
      /^custom\.yaml:6 /,
    )
    expect(findingsOf('routes:\n  - methods: [GET]\n    paths: /x\n    request: 5')[0]).toMatch(
      /^custom\.yaml:4 /,
    )
  })

  it('point at the line of a path that cannot be read', () => {
    expect(findingsOf(`${entity}    rules:\n      - clear:\n          - ok\n          - a..b`)).toEqual([
      'custom.yaml:7 path',
    ])
    expect(findingsOf(`${entity}    rules:\n      - include: a\n        at: x`)).toEqual([
      'custom.yaml:5 include',
    ])
    expect(findingsOf(`${entity}    rules:\n      - include: b\n        at: x`)).toEqual([
      'custom.yaml:5 include',
    ])
  })

  it('name entities without a class, and routes that make no sense', () => {
    expect(findingsOf('entities:\n  a: {}')).toEqual(['custom.yaml:2 missing-key'])
    const route = (lines: string): string[] => findingsOf(`${entity}routes:\n  - methods: [GET]\n${lines}`)
    expect(route('    paths: /x')).toEqual(['custom.yaml:5 route'])
    expect(route('    paths: x\n    action: pass')).toEqual(['custom.yaml:6 route'])
    expect(route('    paths: /x\n    action: pass\n    request: clear')).toEqual(['custom.yaml:8 route'])
    expect(route('    paths: /x\n    response: { entity: b }')).toEqual(['custom.yaml:7 entity'])
    expect(route("    paths: /x\n    response: { entity: a, at: '**.x' }")).toEqual(['custom.yaml:7 shape'])
    expect(route('    paths: /x\n    response: { entity: a, clear: [x] }')).toEqual(['custom.yaml:7 shape'])
    expect(route('    paths: [/x, /x]\n    action: pass')).toEqual(['custom.yaml:6 route'])
    const query = '    paths: /x\n    response: { entity: a }\n    query: [{ name: q, field: x }]'
    expect(route(query)).toEqual(['custom.yaml:8 query'])
  })
})
