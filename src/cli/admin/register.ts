import type { Command } from 'commander'
import { EXIT, type ExitCode, type Terminal } from '../terminal.ts'
import { accessCommands } from './access-commands.ts'
import type { AdminClient } from './client.ts'
import type { AdminCommand, Options } from './command.ts'
import { AdminRequestFailed, UsageError } from './failure.ts'
import { credentialCommands } from './credential-commands.ts'
import { Progress } from './progress.ts'
import { operationCommands } from './operation-commands.ts'
import { tenantCommands } from './tenant-commands.ts'

const GROUPS: Readonly<Record<string, string>> = {
  org: 'organizations, their BYOK configuration, administrators and suspensions',
  'org byok': 'the BYOK configuration of an organization',
  'org admin': 'who may use the admin API for an organization',
  site: 'sites',
  app: 'apps of sites',
  key: 'tenant keys',
  token: 'app tokens',
  'access-key': 'S3 access keys',
  audit: 'the audit trail',
  access: 'evidence of revocations',
}

/** Adds every command of the admin API to a program; `ended` is told the exit code. */
export function registerAdminCommands(
  program: Command,
  terminal: Terminal,
  ended: (code: ExitCode) => void,
): void {
  for (const command of [...tenantCommands, ...credentialCommands, ...operationCommands, ...accessCommands]) {
    const words = command.usage.split(' ')
    const nameAt = words.findIndex((word) => /^[<[]/.test(word))
    const names = nameAt === -1 ? words : words.slice(0, nameAt)
    const group = groupOf(program, names.slice(0, -1))
    const added = group
      .command([names.at(-1)!, ...words.slice(names.length)].join(' '))
      .description(command.summary)
    for (const [flags, description] of command.options ?? []) added.option(flags, description)
    added
      .option('--json', 'print JSON')
      .option('--url <url>', 'admin plane; else PORTCULLIS_ADMIN_URL, else http://127.0.0.1:8081')
      .option('--token-file <file>', 'file with the admin token; else PORTCULLIS_ADMIN_TOKEN')
      .option('--ca-file <file>', 'PEM of the authority that signed the certificate of the admin plane')
    if (command.confirm !== undefined) added.option('--yes', 'do it without being asked, as scripts must')
    added.action(async (...parameters: unknown[]) => {
      const options = added.opts()
      const given = parameters.slice(0, -2).filter((value) => value !== undefined)
      ended(await carryOut(command, given.flat() as string[], options, terminal))
    })
  }
}

function groupOf(program: Command, names: readonly string[]): Command {
  let group = program
  const path: string[] = []
  for (const name of names) {
    path.push(name)
    const known = group.commands.find((candidate) => candidate.name() === name)
    group = known ?? group.command(name).description(GROUPS[path.join(' ')] ?? name)
  }
  return group
}

async function carryOut(
  command: AdminCommand,
  parameters: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<ExitCode> {
  const json = options['json'] === true
  const confirmation = options['yes'] === true ? undefined : command.confirm
  if (confirmation !== undefined && terminal.ask === undefined) {
    const advice = 'There is no terminal to confirm it at: repeat the command with --yes to do it.'
    terminal.printError(`${confirmation.warning}\n${advice}\n`)
    return EXIT.usage
  }
  const draws = terminal.drawsProgress === true && !json
  const progress = new Progress(draws ? (text) => terminal.printError(text) : undefined)
  let client: AdminClient | undefined
  try {
    // the client is loaded only by commands that need it, so that the others start fast
    const { AdminClient } = await import('./client.ts')
    client = new AdminClient(options, terminal)
    const subject = await confirmation?.subject(client, ...parameters)
    if (subject !== undefined) {
      const answer = await terminal.ask!(`${confirmation!.warning}\nType ${subject.name} to confirm: `)
      if (answer.trim() !== subject.name) {
        terminal.printError('portcullis: that is not the name, so nothing was done\n')
        return EXIT.failed
      }
    }
    const context = { client, terminal, options, progress, ifMatch: subject?.etag }
    const { value, text, failed } = await command.run(context, ...parameters)
    progress.clear()
    if (json && value !== undefined) terminal.print(`${JSON.stringify(value)}\n`)
    else terminal.print(text)
    return failed === true ? EXIT.failed : EXIT.ok
  } catch (thrown) {
    progress.clear()
    if (json && thrown instanceof AdminRequestFailed && thrown.problem !== undefined) {
      terminal.print(`${JSON.stringify(thrown.problem)}\n`)
    }
    terminal.printError(`portcullis: ${messageOf(thrown)}\n`)
    return thrown instanceof UsageError ? EXIT.usage : EXIT.failed
  } finally {
    await client?.close()
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof AdminRequestFailed) return thrown.toString()
  return thrown instanceof Error ? thrown.message : String(thrown)
}
