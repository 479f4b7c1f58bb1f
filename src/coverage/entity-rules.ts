import type { ConfigPath } from '../config/finding.ts'
import type { DataClass } from '../tenant/tenant.ts'
import type { CoverageFindings } from './coverage-findings.ts'
import type { RuleData } from './coverage-schema.ts'
import type { FieldRule } from './field-rule.ts'
import { compilePaths } from './path-automaton.ts'
import type { PathRule } from './path-automaton.ts'
import { parsePathPattern } from './path-pattern.ts'
import type { PathState } from './path-state.ts'

/** An entity with the place in the file that each of its rules came from; rules of a preset have none. */
export interface LocatedEntity {
  readonly dataClass: DataClass
  readonly rules: readonly { readonly data: RuleData; readonly path: ConfigPath }[]
  readonly path: ConfigPath
}

/** A compiled entity. */
export interface CompiledEntity {
  readonly state: PathState
  /** Under what a value that no rule names is sealed. */
  readonly fallback: FieldRule
}

const EXPANDED_RULES_MAX = 10_000
const FIELD_RULES = new Map<string, FieldRule>()

/** The one `FieldRule` object for a class, mode and field name: automata tell rules apart by identity. */
export function fieldRule(dataClass: DataClass, mode: FieldRule['mode'], fieldName?: string): FieldRule {
  const key = `${dataClass} ${mode} ${fieldName ?? ''}`
  let rule = FIELD_RULES.get(key)
  if (rule === undefined) {
    rule = { dataClass, mode, fieldName: fieldName === undefined ? undefined : Buffer.from(fieldName) }
    FIELD_RULES.set(key, rule)
  }
  return rule
}

/** Compiles every entity; what cannot be compiled is noted in `findings`. */
export function compileEntities(
  entities: ReadonlyMap<string, LocatedEntity>,
  findings: CoverageFindings,
): Map<string, CompiledEntity> {
  const compiled = new Map<string, CompiledEntity>()
  for (const [name, entity] of entities) {
    const fallback = fieldRule(entity.dataClass, 'randomized')
    const before = findings.list.length
    const rules = expandRules(entities, name, [], findings)
    if (findings.list.length > before) continue
    const state = findings.attempt('path', entity.path, 'Simplify the paths', () =>
      compilePaths(rules, fallback),
    )
    if (state !== undefined) compiled.set(name, { state, fallback })
  }
  return compiled
}

/** The rules of an entity in order, with the rules of included entities in their place. */
function expandRules(
  entities: ReadonlyMap<string, LocatedEntity>,
  name: string,
  within: readonly string[],
  findings: CoverageFindings,
): PathRule[] {
  const entity = entities.get(name)!
  const rules: PathRule[] = []
  for (const { data, path } of entity.rules) {
    if ('include' in data) {
      rules.push(...includeRules(entities, data, path, [...within, name], findings))
    } else {
      const { action, patterns, dataClass, fieldName } = ruleOf(data, entity.dataClass)
      const decides = action !== 'clear' && action !== 'open'
      const outcome = decides ? fieldRule(dataClass, modeOf(action), fieldName) : action
      for (const [index, pattern] of patterns.entries()) {
        const at = Array.isArray((data as Record<string, unknown>)[action]) ? [action, index] : [action]
        const steps = findings.attempt('path', [...path, ...at], 'Correct the path', () =>
          parsePathPattern(pattern),
        )
        if (steps !== undefined) rules.push({ steps, outcome })
      }
    }
    if (rules.length > EXPANDED_RULES_MAX) {
      findings.add('path', path, `${name} has more than ${EXPANDED_RULES_MAX} rules`, 'Include less')
      return []
    }
  }
  return rules
}

function includeRules(
  entities: ReadonlyMap<string, LocatedEntity>,
  data: Extract<RuleData, { include: string }>,
  path: ConfigPath,
  within: readonly string[],
  findings: CoverageFindings,
): PathRule[] {
  const included = entities.get(data.include)
  if (included === undefined || within.includes(data.include)) {
    const reason = included === undefined ? 'there is no such entity' : 'an entity cannot include itself'
    findings.add('include', [...path, 'include'], reason, 'Name another entity of this coverage')
    return []
  }
  const prefix = findings.attempt('path', [...path, 'at'], 'Correct the path', () =>
    parsePathPattern(data.at),
  )
  if (prefix === undefined) return []
  return [
    { steps: prefix, outcome: fieldRule(included.dataClass, 'randomized') },
    { steps: prefix, outcome: 'open' },
    ...expandRules(entities, data.include, within, findings).map(({ steps, outcome }) => ({
      steps: [...prefix, ...steps],
      outcome,
    })),
  ]
}

function ruleOf(
  data: Exclude<RuleData, { include: string }>,
  fallback: DataClass,
): {
  action: 'clear' | 'open' | 'encrypt' | 'searchable'
  patterns: readonly string[]
  dataClass: DataClass
  fieldName?: string | undefined
} {
  const asList = (value: string | string[]): readonly string[] =>
    typeof value === 'string' ? [value] : value
  if ('clear' in data) return { action: 'clear', patterns: asList(data.clear), dataClass: fallback }
  if ('open' in data) return { action: 'open', patterns: asList(data.open), dataClass: fallback }
  const { dataClass = fallback, fieldName } = data
  if ('encrypt' in data) return { action: 'encrypt', patterns: asList(data.encrypt), dataClass, fieldName }
  return { action: 'searchable', patterns: asList(data.searchable), dataClass, fieldName }
}

function modeOf(action: 'encrypt' | 'searchable'): FieldRule['mode'] {
  return action === 'searchable' ? 'searchable' : 'randomized'
}
