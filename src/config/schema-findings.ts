import { z } from 'zod'
import type { ConfigPath, RuleFinding } from './finding.ts'
import { noteOf, type OptionNote, type RefusalParams } from './option.ts'
import type { RemovedOption } from './schema.ts'
import { unknownKeyFinding } from './unknown-key.ts'

/** What the schema found, in words. Values from the file are never repeated: one of them may be a secret. */
export function schemaFindings(
  schema: z.ZodType,
  data: unknown,
  error: z.ZodError,
  removed: readonly RemovedOption[],
): RuleFinding[] {
  return error.issues.flatMap((issue) => issueFindings(schema, data, issue, removed))
}

function issueFindings(
  schema: z.ZodType,
  data: unknown,
  issue: z.core.$ZodIssue,
  removed: readonly RemovedOption[],
): RuleFinding[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  const at = schemaAt(schema, path)
  const parent = schemaAt(schema, path.slice(0, -1))
  // An entry of a list or record is described by the key that holds it.
  const note = (at && noteOf(at)) ?? (parent && noteOf(parent))
  const missing = valueAt(data, path) === undefined
  if (missing) return [missingFinding(path, note)]
  const place = { severity: 'error', path } as const
  if (issue.code === 'unrecognized_keys') {
    const known = at === undefined ? [] : Object.keys(shapeOf(at) ?? {})
    return issue.keys.map((key) => unknownKeyFinding(path, key, known, removed))
  }
  if (issue.code === 'custom' && issue.params !== undefined) {
    return [{ ...place, ...(issue.params as RefusalParams) }]
  }
  const expected =
    note === undefined ? 'Write what the reference configuration shows' : `Expected: ${note.type}`
  return [
    {
      ...place,
      rule: issue.code === 'invalid_type' ? 'type' : 'range',
      reason: reasonOf(issue),
      remedy: expected,
    },
  ]
}

function missingFinding(path: ConfigPath, note: OptionNote | undefined): RuleFinding {
  return {
    severity: 'error',
    rule: 'missing-key',
    path,
    reason: `${String(path.at(-1) ?? 'the configuration')} is required`,
    remedy: note === undefined ? 'Add it' : `Add it: ${note.type}`,
  }
}

function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.expected === 'int' ? 'a whole number' : article(issue.expected)} is expected here`
    case 'invalid_value':
      return 'this is none of the values it can have'
    case 'too_big':
      return `${unitOf(issue.origin)} at most ${issue.maximum}`
    case 'too_small':
      return `${unitOf(issue.origin)} at least ${issue.minimum}`
    default:
      return 'this value is not valid'
  }
}

function article(type: string): string {
  const names: Record<string, string> = {
    string: 'text',
    boolean: 'true or false',
    array: 'a list',
    object: 'a section',
    record: 'a section',
  }
  return names[type] ?? `a ${type}`
}

function unitOf(origin: string): string {
  if (origin === 'string') return 'the text must have a length of'
  return origin === 'array' ? 'the list must have a length of' : 'the number must be'
}

function valueAt(data: unknown, path: ConfigPath): unknown {
  let value = data
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}

/** The schema of the key that a path leads to. */
function schemaAt(schema: z.ZodType, path: ConfigPath): z.ZodType | undefined {
  let at: z.ZodType | undefined = schema
  for (const part of path) {
    if (at === undefined) return undefined
    const inner = unwrapped(at)
    if (inner instanceof z.ZodArray) at = inner.element as z.ZodType
    else if (inner instanceof z.ZodRecord) at = inner.valueType as z.ZodType
    else at = (inner instanceof z.ZodObject ? inner.shape[part] : undefined) as z.ZodType | undefined
  }
  return at
}

/** The keys of a section's schema; undefined for anything else. */
export function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const inner = unwrapped(schema)
  return inner instanceof z.ZodObject ? inner.shape : undefined
}

/** A schema without its optional, default and prefault wrappers. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap() as z.ZodType
  }
  return inner
}
