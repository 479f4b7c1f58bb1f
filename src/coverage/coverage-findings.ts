import type { ConfigPath, RuleFinding } from '../config/finding.ts'

/** Collects what a coverage breaks beyond its schema, each with the place in the file. */
export class CoverageFindings {
  readonly list: RuleFinding[] = []

  /** Notes a breach of `rule` at `path`. */
  add(rule: string, path: ConfigPath, reason: string, remedy: string): void {
    this.list.push({ severity: 'error', rule, path, reason, remedy })
  }

  /** The result of `parse`, or undefined after noting why it threw. */
  attempt<Value>(rule: string, path: ConfigPath, remedy: string, parse: () => Value): Value | undefined {
    try {
      return parse()
    } catch (error) {
      this.add(rule, path, (error as Error).message, remedy)
      return undefined
    }
  }
}
