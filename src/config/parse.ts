import { domainFindings } from './domain-rules.ts'
import { type Finding, isUsable, type RuleFinding } from './finding.ts'
import { type ParsedSections, settingFindings } from './rules/settings.ts'
import { schemaFindings } from './schema-findings.ts'
import { type Configuration, configurationSchema, REMOVED_OPTIONS } from './schema.ts'
import { YamlSource } from './yaml-source.ts'

/** Findings beyond these are counted and not listed. */
const FINDINGS_MAX = 1_000

/** A configuration file after parsing. */
export interface ParsedConfiguration {
  /** Present when nothing among the findings refuses it. */
  readonly configuration: Configuration | undefined
  /** All findings, in the order of the file. */
  readonly findings: readonly Finding[]
  /** For findings that later stages add. */
  readonly locate: (finding: RuleFinding) => Finding
}

/**
 * Parses and checks the text of a configuration file. Reads nothing else: no environment, no other file.
 * Never throws; whatever is wrong with the text is a finding.
 */
export function parseConfiguration(text: string, file: string): ParsedConfiguration {
  const source = new YamlSource(text, file)
  const locate = (finding: RuleFinding) => source.locate(finding)
  if (source.findings.length > 0) return { configuration: undefined, findings: source.findings, locate }
  // An empty file is an empty configuration: the findings then name what is required.
  const data = source.data ?? {}
  const result = configurationSchema.safeParse(data)
  const found = [
    ...(result.success ? [] : schemaFindings(configurationSchema, data, result.error, REMOVED_OPTIONS)),
    ...domainFindings(data),
    ...settingFindings(result.success ? result.data : parsedSections(data)),
  ]
  const findings = bounded(found).map(locate).sort(inFileOrder)
  const configuration = result.success && isUsable(findings) ? result.data : undefined
  return { configuration, findings, locate }
}

function parsedSections(data: unknown): ParsedSections {
  if (typeof data !== 'object' || data === null) return {}
  const sections: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(configurationSchema.shape)) {
    const result = schema.safeParse(Object.hasOwn(data, name) ? data[name as keyof typeof data] : undefined)
    if (result.success) sections[name] = result.data
  }
  return sections
}

function bounded(findings: RuleFinding[]): RuleFinding[] {
  if (findings.length <= FINDINGS_MAX) return findings
  // Errors first: cutting warnings away must never make a file look usable.
  const ranked = findings.sort(
    (left, right) => Number(left.severity === 'warning') - Number(right.severity === 'warning'),
  )
  const rest = findings.length - FINDINGS_MAX
  const more: RuleFinding = {
    severity: ranked[FINDINGS_MAX]!.severity,
    rule: 'more-findings',
    path: [],
    reason: `there are ${rest} more findings`,
    remedy: 'Correct these first',
  }
  return [...ranked.slice(0, FINDINGS_MAX), more]
}

/** Orders findings as they stand in the file. */
export function inFileOrder(left: Finding, right: Finding): number {
  return left.line - right.line || left.column - right.column
}
