import { checkConfiguration } from '../config/check.ts'
import { isUsable } from '../config/finding.ts'
import { configurationProbes } from '../probes.ts'
import { printFindings } from './findings.ts'
import { EXIT, type ExitCode, type Terminal } from './terminal.ts'

/** `portcullis check`: every finding on its own line; exit code 1 when one refuses the configuration. */
export async function runCheck(
  options: { config: string; offline: boolean; json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const findings = await checkConfiguration(options.config, {
    connect: !options.offline,
    environment: terminal.environment,
    probes: configurationProbes(),
  })
  if (options.json) for (const finding of findings) terminal.print(`${JSON.stringify(finding)}\n`)
  else printFindings(findings, terminal)
  if (!isUsable(findings)) return EXIT.failed
  if (!options.json) terminal.print(`${options.config}: ok${options.offline ? ' (offline)' : ''}\n`)
  return EXIT.ok
}
