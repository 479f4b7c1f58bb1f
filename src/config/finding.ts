/** A place inside a configuration: object keys and array indexes from the root. */
export type ConfigPath = readonly (string | number)[]

/** `error` refuses the configuration; `warning` is reported and lets it run. */
type Severity = 'error' | 'warning'

/** What a rule has to say about one place, before that place is found in a file. */
export interface RuleFinding {
  readonly severity: Severity
  /** Stable name of the rule, for tests and for tools that filter. */
  readonly rule: string
  readonly path: ConfigPath
  /** Points at the key rather than at its value. */
  readonly atKey?: boolean
  /** What is wrong. Never holds a secret. */
  readonly reason: string
  /** What to do about it. */
  readonly remedy: string
}

/** One finding with its position; `check` prints one line for each. */
export interface Finding {
  readonly severity: Severity
  readonly rule: string
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1. */
  readonly column: number
  /** Readable path such as `organizations[0].byok.accountId`; empty at the root. */
  readonly path: string
  readonly reason: string
  readonly remedy: string
}

/** A configuration that cannot be used; carries every finding. */
export class ConfigurationRefused extends Error {
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(findings.map(formatFinding).join('\n'))
    this.name = 'ConfigurationRefused'
    this.findings = findings
  }
}

/** One line: `file:line:column: severity: path: reason. remedy [rule]`. */
export function formatFinding(finding: Finding): string {
  const place = `${finding.file}:${finding.line}:${finding.column}`
  const path = finding.path === '' ? '' : ` ${finding.path}:`
  return `${place}: ${finding.severity}:${path} ${finding.reason}. ${finding.remedy}. [${finding.rule}]`
}

/** True when nothing among the findings refuses the configuration. */
export function isUsable(findings: readonly Finding[]): boolean {
  return findings.every((finding) => finding.severity !== 'error')
}

/** `organizations[0].sites[1].name` for a path; keys that are not plain words are quoted. */
export function formatPath(path: ConfigPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (!/^[\w-]+$/.test(part)) text += `[${quoted(part)}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

const QUOTED_CHARACTERS_MAX = 120

/** A value from the file as it may stand in a message: on one line, bounded, control characters escaped. */
export function quoted(value: string): string {
  const shown = value.length > QUOTED_CHARACTERS_MAX ? `${value.slice(0, QUOTED_CHARACTERS_MAX)}…` : value
  return JSON.stringify(shown)
}
