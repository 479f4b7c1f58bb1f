import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { presetCoverage } from '../../src/coverage/load-coverage.ts'
import { clearPaths, judge, sealedPaths } from './judge.ts'

const FILE = new URL('../../../shared/data/openapi/jira-cloud-v3.json', import.meta.url)
const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const

interface Media {
  readonly example?: unknown
  readonly examples?: Record<string, { value?: unknown }>
}
interface Operation {
  readonly requestBody?: { readonly content?: Record<string, Media> }
  readonly responses: Record<string, { readonly content?: Record<string, Media> }>
}
interface Example {
  readonly route: string
  readonly direction: 'request' | 'response'
  readonly body: unknown
}

const jira = presetCoverage('jira')

function operations(): { method: string; path: string; operation: Operation }[] {
  const file = JSON.parse(readFileSync(FILE, 'utf8')) as { paths: Record<string, Record<string, Operation>> }
  return Object.entries(file.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ method: method.toUpperCase(), path, operation }]
    }),
  )
}

function concrete(path: string): string {
  return path.replaceAll(/\{[^}]*\}/g, 'x1')
}

function bodiesOf(content: Record<string, Media> | undefined): unknown[] {
  return Object.values(content ?? {})
    .flatMap((media) => [media.example, ...Object.values(media.examples ?? {}).map(({ value }) => value)])
    .filter((body) => body !== undefined)
    .map((body) => {
      if (typeof body !== 'string') return body
      try {
        return JSON.parse(body) as unknown
      } catch {
        return undefined
      }
    })
    .filter((body) => typeof body === 'object' && body !== null)
}

function examples(): Example[] {
  return operations().flatMap(({ method, path, operation }) => {
    const route = `${method} ${path}`
    const requests = bodiesOf(operation.requestBody?.content)
    const responses = Object.entries(operation.responses)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([, response]) => bodiesOf(response.content))
    return [
      ...requests.map((body): Example => ({ route, direction: 'request', body })),
      ...responses.map((body): Example => ({ route, direction: 'response', body })),
    ]
  })
}

describe.skipIf(!existsSync(FILE))(
  'the published Jira REST description (skipped: ../shared is absent)',
  () => {
    const planOf = ({ route, direction }: Example) => {
      const [method, path] = route.split(' ') as [string, string]
      return jira.matchRoute(method, concrete(path))?.[direction]
    }

    it('has a row for every operation', () => {
      const missing = operations()
        .filter(({ method, path }) => jira.matchRoute(method, concrete(path)) === undefined)
        .map(({ method, path }) => `${method} ${path}`)
      expect(missing).toEqual([])
    })

    it('has examples of which every one on a covered route is judged, with every leaf decided', () => {
      let transformed = 0
      for (const example of examples()) {
        const plan = planOf(example)
        expect(plan, example.route).toBeDefined()
        if (plan!.shape !== 'json') continue
        transformed++
        for (const { rule, path } of judge(plan!.state, example.body)) {
          if (rule !== undefined)
            expect(rule.dataClass, path.join('.')).toMatch(/^(issue|comment|permission|notification)$/)
        }
      }
      expect(transformed).toBeGreaterThan(60)
    })

    it('shows no request body on a route that expects none', () => {
      const unexpected = examples().filter(
        (example) => example.direction === 'request' && planOf(example)?.shape === 'none',
      )
      expect(unexpected.map(({ route }) => route)).toEqual([])
    })

    it('seals no identifier, link, timestamp or user of an example, and no free text is left', () => {
      const identifiers = new Set([
        'self',
        'accountId',
        'created',
        'updated',
        'startAt',
        'maxResults',
        'total',
        'isLast',
      ])
      const prose =
        /Main order flow broken|Lorem ipsum|I did some work here|Order entry fails|Bug has been fixed|test results/
      for (const example of examples()) {
        const plan = planOf(example)
        if (plan?.shape !== 'json') continue
        for (const { path, value, rule } of judge(plan.state, example.body)) {
          const place = `${example.route} ${path.join('.')}`
          if (rule === undefined) expect(JSON.stringify(value), place).not.toMatch(prose)
          else if (path.length === 1) expect(identifiers.has(path[0]!), place).toBe(false)
        }
      }
    })

    it('has its main shapes sealed exactly where content is', () => {
      const sealedOf = (route: string, direction: 'request' | 'response'): string[] => {
        const found = examples().filter(
          (example) => example.route === route && example.direction === direction,
        )
        return [...new Set(found.flatMap((example) => sealedPaths(planOf(example)!.state, example.body)))]
      }
      expect(sealedOf('GET /rest/api/3/issue/{issueIdOrKey}', 'response')).toEqual([
        'fields.description: issue',
        'fields.comment[].body: comment',
        'fields.comment[].visibility: permission',
        'fields.worklog[].comment: issue',
        'fields.worklog[].timeSpent: issue',
        'fields.worklog[].timeSpentSeconds: issue',
        'fields.worklog[].visibility: permission',
        'fields.timetracking: issue',
      ])
      expect(sealedOf('GET /rest/api/3/issue/{issueIdOrKey}/comment', 'response')).toEqual([
        'comments[].body: comment',
        'comments[].visibility: permission',
      ])
      expect(sealedOf('POST /rest/api/3/issue', 'request')).toEqual([
        'fields.components: issue',
        'fields.customfield_10000: issue',
        'fields.customfield_20000: issue',
        'fields.customfield_30000: issue',
        'fields.customfield_40000: issue',
        'fields.customfield_50000: issue',
        'fields.customfield_60000: issue',
        'fields.customfield_70000: issue',
        'fields.customfield_80000: issue',
        'fields.description: issue',
        'fields.duedate: issue',
        'fields.environment: issue',
        'fields.fixVersions: issue',
        'fields.labels: issue',
        'fields.priority: issue',
        'fields.security: permission',
        'fields.summary: issue',
        'fields.timetracking: issue',
        'fields.versions: issue',
      ])
      expect(sealedOf('POST /rest/api/3/issue', 'response')).toEqual([])
      expect(sealedOf('GET /rest/api/3/permissionscheme', 'response')).toEqual([
        'permissionSchemes[].description: permission',
        'permissionSchemes[].name: permission',
      ])
      expect(sealedOf('GET /rest/api/3/issue/{issueIdOrKey}/changelog', 'response')).toEqual([
        'values[].items[].from: issue',
        'values[].items[].fromString: issue',
        'values[].items[].to: issue',
        'values[].items[].toString: issue',
      ])
    })

    it('leaves paging, identifiers and users of a search result readable', () => {
      const search = examples().find(
        ({ route, direction }) => route === 'GET /rest/api/3/search' && direction === 'response',
      )!
      const clear = clearPaths(planOf(search)!.state, search.body)
      for (const path of [
        'expand',
        'total',
        'issues[].id',
        'issues[].key',
        'issues[].self',
        'issues[].fields.project',
      ]) {
        expect(clear).toContain(path)
      }
      expect(clear).toContain('issues[].fields.attachment[].filename')
    })
  },
)
