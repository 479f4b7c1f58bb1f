import { formatPath, type RuleFinding } from '../config/finding.ts'
import { PortcullisError, type PublicFinding } from '../errors.ts'
import { type Rule, RULES } from './rules.ts'

/** A refusal by one rule: what is wrong, and what to do instead. */
export function refusedBy(rule: Rule, path: string, reason: string, remedy: string): PortcullisError {
  return refusedByAll([{ rule, path, reason, remedy }])
}

/** A refusal that names every rule that was broken. */
export function refusedByAll(findings: readonly PublicFinding[]): PortcullisError {
  const [first] = findings
  if (first === undefined) throw new Error('a refusal names at least one rule')
  const code = findings.every(isConflict) ? 'rule-conflict' : 'rule-violated'
  const detail = findings.map(({ reason, remedy }) => `${sentence(reason)} ${sentence(remedy)}`).join(' ')
  return new PortcullisError(code, detail, {
    members: { rule: first.rule, remedy: sentence(first.remedy) },
    findings,
  })
}

/** Rules of the configuration are named by text alone. */
function isConflict({ rule }: PublicFinding): boolean {
  return (RULES as Readonly<Record<string, 'conflict' | 'violation'>>)[rule] === 'conflict'
}

/** There is nothing by this name, or not for whoever asks. */
export function unknown(what: string, id: string): PortcullisError {
  return new PortcullisError('resource-unknown', `There is no ${what} ${JSON.stringify(id.slice(0, 128))}.`)
}

/** Findings of the configuration's rules as findings about a request; `prefix` is the part of the path before it. */
export function publicFindings(findings: readonly RuleFinding[], prefixLength: number): PublicFinding[] {
  return findings.map(({ rule, path, reason, remedy }) => ({
    rule,
    path: formatPath(path.slice(prefixLength)),
    reason,
    remedy,
  }))
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
