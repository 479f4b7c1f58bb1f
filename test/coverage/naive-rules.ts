import { parsePathPattern } from '../../src/coverage/path-pattern.ts'
import type { PathStep } from '../../src/coverage/path-pattern.ts'

/** A rule as a file has it, with its steps spelled out; an independent reading to check the automaton against. */
export interface NaiveRule {
  readonly steps: readonly PathStep[]
  readonly action: string
}

/** The last rule, other than `open`, that names the value at `path` or an ancestor of it. */
export function lastMatch<Rule extends NaiveRule>(
  rules: readonly Rule[],
  path: readonly string[],
): Rule | undefined {
  return rules.findLast(
    (rule) =>
      rule.action !== 'open' &&
      Array.from({ length: path.length + 1 }, (_, length) => path.slice(0, length)).some((prefix) =>
        matches(rule.steps, prefix),
      ),
  )
}

/** Whether a pattern names exactly this path. */
export function matches(steps: readonly PathStep[], path: readonly string[]): boolean {
  const [step, ...rest] = steps
  if (step === undefined) return path.length === 0
  if (step.kind === 'any-depth') {
    return Array.from({ length: path.length + 1 }, (_, skipped) => path.slice(skipped)).some((tail) =>
      matches(rest, tail),
    )
  }
  const [name, ...below] = path
  if (name === undefined || !takes(step, name)) return false
  return matches(rest, below)
}

function takes(step: PathStep, name: string): boolean {
  if (step.kind === 'element') return name === '[]'
  if (name === '[]') return false
  if (step.kind === 'name') return step.name === name
  if (step.kind === 'any-depth') return false
  const escaped = step.parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(name)
}

type FileRule = Record<string, string | string[]>
type FileEntities = Record<string, { rules?: FileRule[] }>

/** The rules of an entity of a parsed coverage file, with included entities in place. */
export function naiveRules(
  entities: FileEntities,
  name: string,
  prefix: readonly PathStep[] = [],
): NaiveRule[] {
  return (entities[name]?.rules ?? []).flatMap((rule) => {
    const included = rule['include']
    if (typeof included === 'string') {
      const steps = [...prefix, ...parsePathPattern(rule['at'] as string)]
      return [{ steps, action: 'encrypt' }, ...naiveRules(entities, included, steps)]
    }
    const action = Object.keys(rule).find((key) => key !== 'dataClass')!
    return [rule[action]!]
      .flat()
      .map((pattern) => ({ steps: [...prefix, ...parsePathPattern(pattern)], action }))
  })
}
