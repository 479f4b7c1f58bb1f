import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { PRESETS, presetCoverage } from '../../src/coverage/load-coverage.ts'
import { board, comment, issue, sprint, worklog } from '../fixtures/jira-documents.ts'
import { page, pageComment, question, whiteboard } from '../fixtures/confluence-documents.ts'
import { anyValue } from '../fixtures/json-text.ts'
import { dotted, judge } from './judge.ts'
import { lastMatch, naiveRules } from './naive-rules.ts'
import type { NaiveRule } from './naive-rules.ts'

interface PresetFile {
  readonly extends?: string
  readonly entities: Record<string, { rules?: Record<string, string | string[]>[] }>
}

function entitiesOf(preset: string): PresetFile['entities'] {
  const url = new URL(`../../config/coverage/${preset}.yaml`, import.meta.url)
  const file = parse(readFileSync(url, 'utf8')) as PresetFile
  return { ...(file.extends === undefined ? {} : entitiesOf(file.extends)), ...file.entities }
}

const RULES = new Map<string, readonly NaiveRule[]>()

function rulesOf(preset: string, entity: string): readonly NaiveRule[] {
  const key = `${preset} ${entity}`
  let rules = RULES.get(key)
  if (rules === undefined) RULES.set(key, (rules = naiveRules(entitiesOf(preset), entity)))
  return rules
}

/** Nothing is readable unless the last rule that names it, read plainly from the file, says `clear`. */
function expectOnlyNamedClear(preset: (typeof PRESETS)[number], entity: string, document: unknown): void {
  const rules = rulesOf(preset, entity)
  for (const { path, rule } of judge(presetCoverage(preset).entityState(entity)!, document)) {
    const named = lastMatch(rules, path)?.action === 'clear'
    expect(rule === undefined, `${entity} ${dotted(path)}`).toBe(named)
  }
}

const KINDS = [
  ['jira', 'issue', issue()],
  ['jira', 'comment', comment()],
  ['jira', 'worklog', worklog()],
  ['jira', 'board', board()],
  ['jira', 'sprint', sprint()],
  ['jira-service-management', 'issue', issue()],
  ['confluence', 'page', page()],
  ['confluence', 'comment', pageComment()],
  ['confluence', 'question', question()],
  ['confluence', 'whiteboard', whiteboard()],
] as const

describe('no value of a covered entity is readable unless a clear rule names it', () => {
  for (const [preset, entity, documents] of KINDS) {
    it(`in realistic documents: ${preset} ${entity}`, () => {
      fc.assert(
        fc.property(documents, (text) => expectOnlyNamedClear(preset, entity, JSON.parse(text))),
        { numRuns: 60 },
      )
    })
  }

  for (const preset of PRESETS) {
    it(`in documents made of the names that the rules know: ${preset}`, () => {
      const entities = entitiesOf(preset)
      for (const entity of Object.keys(entities)) {
        const steps = rulesOf(preset, entity).flatMap((rule) => rule.steps)
        const names = [...new Set(steps.flatMap((step) => (step.kind === 'name' ? [step.name] : [])))]
        const name = fc.constantFrom(...names, 'unheard', 'body', 'fields', 'value')
        const { document } = fc.letrec((tie) => ({
          document: fc.oneof(
            { maxDepth: 6, depthSize: 'large' },
            anyValue().map((text): unknown => JSON.parse(text)),
            fc.dictionary(name, tie('document'), { maxKeys: 4 }),
            fc.array(tie('document'), { maxLength: 2 }),
          ),
        }))
        fc.assert(
          fc.property(document, (value) => expectOnlyNamedClear(preset, entity, value)),
          { numRuns: 40 },
        )
      }
    })
  }
})
