import type { FieldRule } from './field-rule.ts'
import { MemberTable } from './member-table.ts'
import { NameGlob } from './name-glob.ts'
import type { PathStep } from './path-pattern.ts'
import type { PathState } from './path-state.ts'

/**
 * What a rule does to the values its pattern names. Of all rules that name a value or one of its ancestors, the
 * LAST one in the list wins.
 *
 * - a `FieldRule`: the value is covered and sealed
 * - `clear`: the value passes readable
 * - `open`: decides nothing about a value; a container at exactly this path keeps its brackets and member names,
 *   and each of its members is judged, and sealed, on its own
 */
export type PathOutcome = FieldRule | 'clear' | 'open'

/** One compiled rule. */
export interface PathRule {
  readonly steps: readonly PathStep[]
  readonly outcome: PathOutcome
}

/** Distinct positions of one automaton; the presets have fewer than a hundred. */
const STATES_MAX = 4_096
/** Different globs that compete at one position. */
const GLOBS_MAX = 8

/** Nothing here or below is covered. */
export const CLEAR_STATE: PathState = selfContained('clear', undefined)

/** A state for a value that is one covered value under `rule`. */
export function sealState(rule: FieldRule): PathState {
  return selfContained('seal', rule)
}

function selfContained(action: 'clear' | 'seal', rule: FieldRule | undefined): PathState {
  const state: PathState = {
    action,
    rule,
    member: () => state,
    get element(): PathState {
      return state
    },
  }
  return state
}

/**
 * Compiles ordered rules to the initial state of an automaton. A value that no rule names is sealed under
 * `fallback`; the document's own brackets always stay. All states and transitions exist when this returns, so no
 * document, whatever member names it has, can make the automaton grow.
 *
 * `FieldRule`s are told apart by identity. Throws an `Error` for the file's author when the patterns combine to
 * too many positions.
 */
export function compilePaths(rules: readonly PathRule[], fallback: FieldRule): PathState {
  return new Builder(rules, fallback).build()
}

/** A rule and how many of its steps the path has taken. */
interface Item {
  readonly rule: number
  readonly step: number
}

class Builder {
  readonly #rules: readonly PathRule[]
  readonly #fallback: FieldRule
  readonly #states = new Map<string, DescendState>()
  readonly #sealed = new Map<FieldRule, PathState>()
  /** States whose transitions are still to be computed. */
  readonly #pending: { state: DescendState; items: readonly Item[]; winner: number }[] = []

  constructor(rules: readonly PathRule[], fallback: FieldRule) {
    // the document itself is open, whatever the rules: a patch or a list can then still reach its members
    this.#rules = [{ steps: [], outcome: 'open' }, ...rules]
    this.#fallback = fallback
  }

  build(): PathState {
    const start = this.#rules.map((_, rule) => ({ rule, step: 0 }))
    const initial = this.#state(start, -1)
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#connect(next.state, next.items, next.winner)
    }
    return initial
  }

  /** The state of a value that `items` lead to, below an ancestor on which rule `winner` was the last to match. */
  #state(items: readonly Item[], winner: number): PathState {
    const reached = this.#closure(items)
    let current = winner
    let open = -1
    for (const { rule, step } of reached) {
      const { steps, outcome } = this.#rules[rule]!
      if (step < steps.length) continue
      if (outcome === 'open') open = Math.max(open, rule)
      else current = Math.max(current, rule)
    }
    const outcome = current === -1 ? this.#fallback : (this.#rules[current]!.outcome as FieldRule | 'clear')
    // an earlier rule can no longer win, here or below, and so need not be followed
    const live = reached.filter(({ rule, step }) => rule > current && step < this.#rules[rule]!.steps.length)
    const decided = live.every(({ rule }) => this.#rules[rule]!.outcome === outcome)
    if (decided && outcome === 'clear') return CLEAR_STATE
    if (decided && open <= current) return this.#seal(outcome as FieldRule)
    return this.#descend(live, current, outcome === 'clear' ? undefined : outcome)
  }

  #closure(items: readonly Item[]): Item[] {
    const reached = new Map<string, Item>()
    const pending = [...items]
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      const key = `${item.rule}:${item.step}`
      if (reached.has(key)) continue
      reached.set(key, item)
      const step = this.#rules[item.rule]!.steps[item.step]
      if (step?.kind === 'any-depth') pending.push({ rule: item.rule, step: item.step + 1 })
    }
    return [...reached.values()].sort((left, right) => left.rule - right.rule || left.step - right.step)
  }

  #seal(rule: FieldRule): PathState {
    let state = this.#sealed.get(rule)
    if (state === undefined) this.#sealed.set(rule, (state = sealState(rule)))
    return state
  }

  #descend(items: readonly Item[], winner: number, rule: FieldRule | undefined): PathState {
    const key = `${winner}|${items.map((item) => `${item.rule}:${item.step}`).join(',')}`
    const known = this.#states.get(key)
    if (known !== undefined) return known
    if (this.#states.size === STATES_MAX)
      throw new Error('the paths combine to too many positions; use fewer "**"')
    const state = new DescendState(rule)
    this.#states.set(key, state)
    this.#pending.push({ state, items, winner })
    return state
  }

  #connect(state: DescendState, items: readonly Item[], winner: number): void {
    const steps = items.map((item) => this.#rules[item.rule]!.steps[item.step]!)
    const names = new Set(steps.flatMap((step) => (step.kind === 'name' ? [step.name] : [])))
    const globs = new Map(
      steps.flatMap((step): [string, NameGlob][] =>
        step.kind === 'glob' ? [[step.parts.join('*'), new NameGlob(step.parts)]] : [],
      ),
    )
    if (globs.size > GLOBS_MAX)
      throw new Error(`more than ${GLOBS_MAX} name patterns with "*" compete at one place`)
    const next = (accepts: (step: PathStep) => boolean): PathState =>
      this.#state(this.#advance(items, accepts), winner)
    const globNames = [...globs.keys()]
    const takenBy = (step: PathStep, mask: number): boolean =>
      step.kind === 'glob' && (mask & (1 << globNames.indexOf(step.parts.join('*')))) !== 0
    const known = new MemberTable<PathState>()
    for (const name of names) {
      const bytes = Buffer.from(name)
      const mask = globMask([...globs.values()], bytes, 0, bytes.byteLength)
      known.add(
        bytes,
        next((step) => (step.kind === 'name' && step.name === name) || takenBy(step, mask)),
      )
    }
    const byMask = Array.from({ length: 1 << globs.size }, (_, mask) => next((step) => takenBy(step, mask)))
    state.connect(
      known,
      [...globs.values()],
      byMask,
      next((step) => step.kind === 'element'),
    )
  }

  /** Items one level below `items`, for the steps that are taken there. */
  #advance(items: readonly Item[], accepts: (step: PathStep) => boolean): Item[] {
    return items.flatMap(({ rule, step }) => {
      const taken = this.#rules[rule]!.steps[step]!
      if (taken.kind === 'any-depth') return [{ rule, step }]
      return accepts(taken) ? [{ rule, step: step + 1 }] : []
    })
  }
}

/** A state whose members and elements differ. */
class DescendState implements PathState {
  readonly action = 'descend'
  readonly rule: FieldRule | undefined
  element: PathState = CLEAR_STATE
  #known = new MemberTable<PathState>()
  #globs: readonly NameGlob[] = []
  /** By the set of globs that a name matches; the first is for names that match none. */
  #byMask: readonly PathState[] = []

  constructor(rule: FieldRule | undefined) {
    this.rule = rule
  }

  connect(
    known: MemberTable<PathState>,
    globs: readonly NameGlob[],
    byMask: readonly PathState[],
    element: PathState,
  ): void {
    this.#known = known
    this.#globs = globs
    this.#byMask = byMask
    this.element = element
  }

  member(bytes: Uint8Array, start: number, end: number): PathState {
    const known = this.#known.find(bytes, start, end)
    if (known !== undefined) return known
    if (this.#globs.length === 0) return this.#byMask[0]!
    return this.#byMask[globMask(this.#globs, bytes, start, end)]!
  }
}

function globMask(globs: readonly NameGlob[], bytes: Uint8Array, start: number, end: number): number {
  let mask = 0
  for (let index = 0; index < globs.length; index++) {
    if (globs[index]!.matches(bytes, start, end)) mask |= 1 << index
  }
  return mask
}
