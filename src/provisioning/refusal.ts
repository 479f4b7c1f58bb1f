import { formatPath, type RuleFinding } from '../config/finding.ts'
import { PortcullisError, type PublicFinding } from '../errors.ts'

/** Rules that judge an input by what is there already; all others judge the input alone. */
const CONFLICTS: ReadonlySet<string> = new Set([
  'app-duplicate',
  'byok-immutable',
  'byok-missing',
  'byok-site',
  'credential-name-taken',
  'host-taken',
  'jira-family',
  'key-shared',
  'location-immutable',
  'managed-by-file',
  'onboarding-unconfigured',
  'organization-exists',
  'site-exists',
  'site-foreign',
  'site-name-immutable',
  'site-not-empty',
  'subject-taken',
  'suspension-not-operator',
  'vendor-keys-missing',
])

/** A refusal by one rule: what is wrong, and what to do instead. */
export function refusedBy(rule: string, path: string, reason: string, remedy: string): PortcullisError {
  return refusedByAll([{ rule, path, reason, remedy }])
}

/** A refusal that names every rule that was broken. */
export function refusedByAll(findings: readonly PublicFinding[]): PortcullisError {
  const [first] = findings
  if (first === undefined) throw new Error('a refusal names at least one rule')
  const code = findings.every(({ rule }) => CONFLICTS.has(rule)) ? 'rule-conflict' : 'rule-violated'
  const detail = findings.map(({ reason, remedy }) => `${sentence(reason)} ${sentence(remedy)}`).join(' ')
  return new PortcullisError(code, detail, {
    members: { rule: first.rule, remedy: sentence(first.remedy) },
    findings,
  })
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
