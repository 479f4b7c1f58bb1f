import type { ConfigPath } from '../config/finding.ts'
import type { BodyPlan, QueryRule, RouteMatch } from './coverage.ts'
import type { CoverageFindings } from './coverage-findings.ts'
import type { BodyData, RouteData } from './coverage-schema.ts'
import type { CompiledEntity } from './entity-rules.ts'
import { CLEAR_STATE } from './path-automaton.ts'
import { parsePathPattern } from './path-pattern.ts'
import type { PathState } from './path-state.ts'
import { parseTemplate, RouteTable } from './route-table.ts'
import { PAGING_MEMBERS, wrapState } from './wrapper-state.ts'

/** A row and where it stands in its file. */
export interface LocatedRoute {
  readonly data: RouteData
  readonly path: ConfigPath
}

const NO_BODY: BodyPlan = { shape: 'none', state: CLEAR_STATE }
const CLEAR_BODY: BodyPlan = { shape: 'clear', state: CLEAR_STATE }

/** Compiles `own` rows, and `inherited` ones where there is no own row for the same method and path. */
export function compileRoutes(
  own: readonly LocatedRoute[],
  inherited: readonly LocatedRoute[],
  entities: ReadonlyMap<string, CompiledEntity>,
  findings: CoverageFindings,
): RouteTable {
  const table = new RouteTable()
  for (const route of own) addRoute(table, route, entities, findings, true)
  for (const route of inherited) addRoute(table, route, entities, findings, false)
  return table
}

function addRoute(
  table: RouteTable,
  { data, path }: LocatedRoute,
  entities: ReadonlyMap<string, CompiledEntity>,
  findings: CoverageFindings,
  unique: boolean,
): void {
  const before = findings.list.length
  const plans = plansOf(data, path, entities, findings)
  const query = (data.query ?? []).map((entry, index) =>
    queryRule(entry, data, [...path, 'query', index], entities, findings),
  )
  if (findings.list.length > before) return
  const templates = typeof data.paths === 'string' ? [data.paths] : data.paths
  for (const [index, template] of templates.entries()) {
    const at = [...path, 'paths', ...(typeof data.paths === 'string' ? [] : [index])]
    const segments = findings.attempt('route', at, 'Correct the path', () => parseTemplate(template))
    if (segments === undefined) continue
    const row: RouteMatch = {
      template,
      action: data.action,
      ...plans,
      query: query.filter((rule) => rule !== undefined),
      limits: {
        requestBytesMax: data.limits?.requestBytesMax,
        responseBytesMax: data.limits?.responseBytesMax,
      },
    }
    for (const method of data.methods) {
      if (table.add(method, segments, row) || !unique) continue
      findings.add('route', at, `${method} has a row for this path already`, 'Remove one of the two')
    }
  }
}

function plansOf(
  data: RouteData,
  path: ConfigPath,
  entities: ReadonlyMap<string, CompiledEntity>,
  findings: CoverageFindings,
): Pick<RouteMatch, 'request' | 'response'> {
  if (data.action !== 'transform') {
    for (const key of ['request', 'response', 'query'] as const) {
      if (data[key] === undefined) continue
      findings.add('route', [...path, key], `a route that is not transformed has no ${key}`, 'Remove it')
    }
    return { request: CLEAR_BODY, response: CLEAR_BODY }
  }
  if (data.request === undefined && data.response === undefined) {
    findings.add(
      'route',
      path,
      'the route says nothing about its bodies',
      'Add request or response, or an action',
    )
  }
  return {
    request: planOf(data.request, [], [...path, 'request'], entities, findings),
    response: planOf(data.response, PAGING_MEMBERS, [...path, 'response'], entities, findings),
  }
}

function planOf(
  data: BodyData | undefined,
  paging: readonly string[],
  path: ConfigPath,
  entities: ReadonlyMap<string, CompiledEntity>,
  findings: CoverageFindings,
): BodyPlan {
  if (data === undefined || data === 'none') return NO_BODY
  if (data === 'clear') return CLEAR_BODY
  const entity = entities.get(data.entity)
  if (entity === undefined) {
    // an entity that is there but broken has a finding of its own
    findings.add('entity', [...path, 'entity'], 'there is no such entity', 'Name an entity of this coverage')
    return NO_BODY
  }
  const shape = data.shape ?? 'json'
  const at = data.at
  if (at === undefined) {
    if (data.clear !== undefined)
      findings.add('shape', [...path, 'clear'], 'clear needs at', 'Write a rule instead')
    return { shape, state: entity.state }
  }
  const steps = findings.attempt('path', [...path, 'at'], 'Correct the path', () => parsePathPattern(at))
  if (steps === undefined) return NO_BODY
  if (steps.length === 0 || steps.some(({ kind }) => kind === 'any-depth') || shape !== 'json') {
    findings.add(
      'shape',
      [...path, 'at'],
      'at is a path without "**" in one JSON document',
      'Correct the shape',
    )
    return NO_BODY
  }
  return { shape, state: wrapState(steps, entity.state, [...paging, ...(data.clear ?? [])], entity.fallback) }
}

function queryRule(
  entry: { name: string; field: string },
  data: RouteData,
  path: ConfigPath,
  entities: ReadonlyMap<string, CompiledEntity>,
  findings: CoverageFindings,
): QueryRule | undefined {
  const body = typeof data.response === 'object' ? data.response : data.request
  const entity = typeof body === 'object' ? entities.get(body.entity) : undefined
  const steps = findings.attempt('path', [...path, 'field'], 'Correct the path', () =>
    parsePathPattern(entry.field),
  )
  if (entity === undefined || steps === undefined) {
    findings.add(
      'query',
      path,
      'the row has no entity whose field could be compared',
      'Add a response with an entity',
    )
    return undefined
  }
  let state: PathState = entity.state
  let fieldName = ''
  for (const step of steps) {
    if (step.kind === 'element') state = state.element
    else if (step.kind === 'name') {
      const bytes = Buffer.from(step.name)
      state = state.member(bytes, 0, bytes.byteLength)
      fieldName = step.name
    } else {
      findings.add('query', [...path, 'field'], 'a field is one exact path', 'Write it without "*"')
      return undefined
    }
  }
  if (state.rule?.mode !== 'searchable') {
    findings.add('query', [...path, 'field'], 'the field is not searchable', 'Add a searchable rule for it')
    return undefined
  }
  return { name: entry.name, fieldName, rule: state.rule }
}
