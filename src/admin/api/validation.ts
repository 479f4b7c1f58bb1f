import type { z } from 'zod'
import { formatPath } from '../../config/finding.ts'
import { PortcullisError } from '../../errors.ts'

const FINDINGS_MAX = 50

/** Input of a request as its schema reads it. Throws `input-invalid` with every place that is wrong. */
export function validated<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  what: 'body' | 'query',
): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const findings = result.error.issues.slice(0, FINDINGS_MAX).map(({ path, code, message }) => ({
    path: formatPath(path.map((part) => (typeof part === 'number' ? part : String(part)))),
    rule: code,
    reason: message.slice(0, 300),
    remedy: 'See /openapi.json for what is taken here.',
  }))
  const detail = findings.map(({ path, reason }) => `${path === '' ? what : path}: ${reason}`).join('; ')
  throw new PortcullisError('input-invalid', `The ${what} is not as documented: ${detail}.`, { findings })
}

/** The revision that `If-Match` names; undefined without one or for `*`. Throws `precondition-failed`. */
export function expectedRevision(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  const revision = /^"r(\d{1,15})"$/.exec(ifMatch.trim())?.[1]
  if (revision !== undefined) return Number(revision)
  throw new PortcullisError('precondition-failed', 'If-Match is not an ETag that was given here.')
}

/** A revision as an entity tag. */
export function entityTag(revision: number): string {
  return `"r${revision}"`
}
