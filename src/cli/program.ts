import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { registerAdminCommands } from './admin/register.ts'
import { completionScript, type Shell, SHELLS } from './completion.ts'
import type { LocalArguments } from './local.ts'
import type { ServeArguments } from './serve.ts'
import { EXIT, type ExitCode, type Terminal } from './terminal.ts'

/** Runs one command line; resolves to the exit code. Commands load their own modules, so that each starts fast. */
export async function runProgram(argv: string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok
  const program = new Command('portcullis')
    .description('Multi-tenant BYOK encryption gateway')
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text),
      writeErr: (text) => terminal.printError(text),
    })

  program
    .command('dev')
    .description(
      'everything in one process on loopback: gateway, local KMS/STS, stores, a ready-made organization',
    )
    .option('--port <number>', 'port of the gateway, 0 for any free one', parsePort, 8080)
    .option('--admin-port <number>', 'port of the admin plane, 0 for any free one', parsePort, 8081)
    .option('--data-dir <directory>', 'where all state is kept', '.portcullis')
    .option('--reset', 'begin anew: forget everything in the data directory', false)
    .option('--log-level <level>', 'lowest level written to stderr', 'warn')
    .action(async (options: DevArguments) => {
      const { runDev } = await import('./dev.ts')
      code = await runDev(options, terminal)
    })

  const local = program.command('local').description('a stand-in for AWS and stores, to try serve with')
  local
    .command('start')
    .description('a local KMS/STS/IAM and stores, and a configuration for a gateway that begins empty')
    .option('--port <number>', 'port of the gateway, for the configuration', parsePort, 8080)
    .option('--admin-port <number>', 'port of the admin plane, for the configuration', parsePort, 8081)
    .option('--s3-port <number>', 'port for S3 clients, for the configuration', parsePort, 8082)
    .option('--data-dir <directory>', 'where all state is kept', '.portcullis-local')
    .option('--reset', 'begin anew: forget everything in the data directory', false)
    .action(async (options: LocalArguments) => {
      const { runLocal } = await import('./local.ts')
      code = await runLocal(options, terminal)
    })
  local
    .command('apply <plan>')
    .description(
      'make what `org byok plan --json` describes in the local AWS; prints what `org byok set` takes',
    )
    .action(async (plan: string) => {
      const { runLocalApply } = await import('./local.ts')
      code = await runLocalApply(plan, terminal)
    })

  program
    .command('demo')
    .description('a narrated tour: write, look at rest, read, revoke, restore, rotate')
    .action(async () => {
      const { runDemo } = await import('./demo.ts')
      code = await runDemo(terminal)
    })

  program
    .command('serve')
    .description('the gateway in production')
    .requiredOption('--config <file>', 'configuration file (YAML)')
    .option('--workers <number>', 'processes that share the ports, one per core', parseWorkers, 1)
    .action(async (options: ServeArguments) => {
      const { runServe } = await import('./serve.ts')
      code = await runServe(options, terminal)
    })
  program.command('serve-process', { hidden: true }).action(async () => {
    const { runServeProcess } = await import('./serve.ts')
    code = await runServeProcess(terminal)
  })

  program
    .command('check')
    .description(
      'validates a configuration, connects to what it names, and reports line by line what is wrong',
    )
    .requiredOption('--config <file>', 'configuration file (YAML)')
    .option('--offline', 'look at the file alone: no environment, no other file, no network', false)
    .option('--json', 'findings as one line of JSON each', false)
    .action(async (options: { config: string; offline: boolean; json: boolean }) => {
      const { runCheck } = await import('./check.ts')
      code = await runCheck(options, terminal)
    })

  const registry = program.command('registry').description('backup and restoration of the registry')
  registry
    .command('backup')
    .description('write everything that the registry holds into a file; keys stay wrapped')
    .requiredOption('--config <file>', 'configuration file (YAML)')
    .requiredOption('--output <file>', 'file to write')
    .action(async (options: { config: string; output: string }) => {
      const { runBackup } = await import('./registry.ts')
      code = await runBackup(options, terminal)
    })
  registry
    .command('restore')
    .description('restore a backup into an empty registry')
    .requiredOption('--config <file>', 'configuration file (YAML)')
    .requiredOption('--input <file>', 'file to read')
    .action(async (options: { config: string; input: string }) => {
      const { runRestore } = await import('./registry.ts')
      code = await runRestore(options, terminal)
    })

  program
    .command('completion')
    .description('a completion script for a shell: bash, zsh or fish')
    .addArgument(new Argument('<shell>', 'shell to complete for').choices(SHELLS))
    .action((shell: Shell) => terminal.print(completionScript(program, shell)))

  registerAdminCommands(program, terminal, (ended) => {
    code = ended
  })

  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
    terminal.printError(`portcullis: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
    return EXIT.failed
  }
  return code
}

/** Options of `portcullis dev`. */
export interface DevArguments {
  readonly port: number
  readonly adminPort: number
  readonly dataDir: string
  readonly reset: boolean
  readonly logLevel: string
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('A port is 0 to 65535.')
  return port
}

function parseWorkers(text: string): number {
  const workers = Number(text)
  if (!Number.isInteger(workers) || workers < 1 || workers > 256)
    throw new InvalidArgumentError('The number of workers is 1 to 256.')
  return workers
}
