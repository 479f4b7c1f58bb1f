import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PortcullisError } from '../../src/errors.ts'
import { splitPath } from '../../src/coverage/route-path.ts'
import { parseTemplate, RouteTable } from '../../src/coverage/route-table.ts'
import type { RouteMatch } from '../../src/coverage/coverage.ts'

function tableOf(...templates: string[]): RouteTable {
  const table = new RouteTable()
  for (const template of templates) table.add('GET', parseTemplate(template), { template } as RouteMatch)
  return table
}

describe('paths', () => {
  it('are split into decoded segments', () => {
    expect(splitPath('/')).toEqual([])
    expect(splitPath('/issue/SHOP-1')).toEqual(['issue', 'SHOP-1'])
    expect(splitPath('/iss%75e/caf%C3%A9%20x')).toEqual(['issue', 'caf\u00e9 x'])
    expect(splitPath('/a/...')).toEqual(['a', '...'])
    expect(splitPath('/a/100%25')).toEqual(['a', '100%'])
  })

  it('that a store might read differently are refused', () => {
    const ambiguous = [
      '',
      'issue',
      '//issue',
      '/issue//1',
      '/issue/',
      '/./issue',
      '/project/../issue',
      '/project/%2e%2e/issue',
      '/project/.%2E/issue',
      '/project%2Fissue',
      '/project%5cissue',
      '/project\\issue',
      '/issue;x=1/1',
      '/issue%3bx/1',
      '/issue/%00',
      '/issue/%0d%0a',
      '/issue/%zz',
      '/issue/%',
      '/issue/%ff',
      '/issue/%c0%af',
      '/issue/%252e%252e',
      '/issue/%252F',
      '/issue/1#x',
      '/issue/1?x',
      '/issue/caf\u00e9',
      '/issue/a b',
      `/${'a/'.repeat(100)}a`,
    ]
    for (const path of ambiguous) {
      expect(() => splitPath(path), JSON.stringify(path)).toThrow(PortcullisError)
    }
  })

  it('never decode to a segment that holds a separator, whatever is sent', () => {
    const piece = fc.constantFrom(
      'a',
      '.',
      '..',
      '/',
      '%2f',
      '%2F',
      '%25',
      '2f',
      '%5C',
      ';',
      '%c3%a9',
      '%41',
      '?',
      '#',
      '%0a',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        let segments: string[]
        try {
          segments = splitPath(`/${pieces.join('')}`)
        } catch (error) {
          expect(error).toMatchObject({ code: 'request-malformed' })
          return
        }
        for (const segment of segments) expect(segment).not.toMatch(/^\.{0,2}$|[/\\;?#\n]|%2f/i)
      }),
    )
  })
})

describe('the route table', () => {
  it('prefers a literal over a parameter, and goes back where the literal leads nowhere', () => {
    const table = tableOf('/a/{x}', '/a/b', '/a/{x}/c', '/a/b/d', '/{y}/b/e')
    expect(table.match('GET', '/a/b')?.template).toBe('/a/b')
    expect(table.match('GET', '/a/z')?.template).toBe('/a/{x}')
    expect(table.match('GET', '/a/b/c')?.template).toBe('/a/{x}/c')
    expect(table.match('GET', '/a/b/e')?.template).toBe('/{y}/b/e')
    expect(table.match('GET', '/%61/%62')?.template).toBe('/a/b')
  })

  it('has no row for other methods, cases, lengths or inherited names', () => {
    const table = tableOf('/a/{x}')
    for (const path of ['/A/1', '/a', '/a/1/2', '/', '/__proto__', '/a/1/__proto__']) {
      expect(table.match('GET', path), path).toBeUndefined()
    }
    expect(table.match('POST', '/a/1')).toBeUndefined()
    expect(table.match('constructor', '/a/1')).toBeUndefined()
  })

  it('refuses templates that are not plain paths', () => {
    for (const template of ['a', '/a/', '/a//b', '/{}', '/a{x}', '/..', '/%41', '/a b']) {
      expect(() => parseTemplate(template), template).toThrow()
    }
  })

  it('stays fast on a path that nearly matches at every level', () => {
    const table = tableOf(
      ...Array.from({ length: 10 }, (_, index) => `/${'{x}/'.repeat(index)}a/${'{x}/'.repeat(10 - index)}b`),
    )
    expect(table.match('GET', `/${'a/'.repeat(12)}a`)).toBeUndefined()
  })
})
