import { ConfigurationRefused, type Finding, formatFinding } from '../config/finding.ts'
import { type LoadedConfiguration, loadConfiguration } from '../config/load.ts'
import type { Terminal } from './terminal.ts'

/** Prints findings, one line each, on standard error. */
export function printFindings(findings: readonly Finding[], terminal: Terminal): void {
  for (const finding of findings) terminal.printError(`${formatFinding(finding)}\n`)
}

/** Loads a configuration and prints what there is to say about it; undefined when it cannot be used. */
export function loadOrExplain(file: string, terminal: Terminal): LoadedConfiguration | undefined {
  try {
    const loaded = loadConfiguration(file, terminal.environment)
    printFindings(loaded.findings, terminal)
    return loaded
  } catch (thrown) {
    if (!(thrown instanceof ConfigurationRefused)) throw thrown
    printFindings(thrown.findings, terminal)
    return undefined
  }
}
