import type { Placed } from '../domain-model.ts'
import type { DomainModel } from '../domain-model.ts'
import type { ConfigPath, RuleFinding } from '../finding.ts'
import { formatPath } from '../finding.ts'

/** One or a few closely related rules; pure. */
export type DomainRule = (model: DomainModel) => RuleFinding[]

/** A finding that refuses the configuration. */
export function refuse(rule: string, path: ConfigPath, reason: string, remedy: string): RuleFinding {
  return { severity: 'error', rule, path, reason, remedy }
}

/** A finding that is only reported. */
export function warn(rule: string, path: ConfigPath, reason: string, remedy: string): RuleFinding {
  return { severity: 'warning', rule, path, reason, remedy }
}

/** Calls `collide` for every text that an earlier one equals. */
export function duplicates(
  texts: Iterable<Placed<string> | undefined>,
  collide: (later: Placed<string>, earlier: string) => RuleFinding,
): RuleFinding[] {
  const seen = new Map<string, ConfigPath>()
  const findings: RuleFinding[] = []
  for (const text of texts) {
    if (text === undefined) continue
    const earlier = seen.get(text.value)
    if (earlier === undefined) seen.set(text.value, text.path)
    else findings.push(collide(text, formatPath(earlier)))
  }
  return findings
}
