import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createLogger } from '../observability/logger.ts'
import { Membership } from '../replica/membership.ts'
import { assertPortsFree } from '../replica/ports.ts'
import { Supervisor } from '../replica/supervisor.ts'
import { loadOrExplain } from './findings.ts'
import { EXIT, type ExitCode, type Terminal, untilStopRequested } from './terminal.ts'

/** Options of `portcullis serve`. */
export interface ServeArguments {
  readonly config: string
  /** Processes that share the ports. */
  readonly workers: number
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

/** `portcullis serve`: runs the gateway until it is told to stop. Prints one ready line on standard output. */
export async function runServe({ config, workers }: ServeArguments, terminal: Terminal): Promise<ExitCode> {
  const loaded = loadOrExplain(config, terminal)
  if (loaded === undefined) return EXIT.failed
  const { configuration, materials } = loaded
  const settings = { configuration, materials }
  const logger = createLogger({ level: configuration.logging.level })
  if (workers === 1) {
    const { Gateway } = await import('../gateway.ts')
    const gateway = await Gateway.start({ ...settings, logger })
    terminal.print(readyLine(gateway.url, gateway.adminUrl))
    await untilStopRequested(terminal)
    await gateway.drain()
    return EXIT.ok
  }
  await assertPortsFree(configuration)
  const supervisor = await Supervisor.start({ settings, processes: workers, fork: forkProcess, logger })
  const { gateway, admin } = supervisor.addresses
  terminal.print(readyLine(gateway, admin!))
  await untilStopRequested(terminal)
  await supervisor.stop()
  logger.flush()
  return EXIT.ok
}

/** One of the processes of `portcullis serve --workers`: started by it, and by nobody else. */
export async function runServeProcess(terminal: Terminal): Promise<ExitCode> {
  const { parent } = terminal
  if (parent === undefined) {
    terminal.printError('portcullis: this is started by `portcullis serve --workers`\n')
    return EXIT.usage
  }
  const { Gateway } = await import('../gateway.ts')
  const membership = await Membership.join(parent)
  if (membership === undefined) return EXIT.ok
  const { place, settings } = membership
  const { level } = settings.configuration.logging
  const logger = createLogger({ level, facts: { process: place.position } })
  const gateway = await Gateway.start({ ...settings, logger, place })
  membership.ready(
    {
      gateway: gateway.url,
      admin: place.position === 1 ? gateway.adminUrl : undefined,
      objectStores: gateway.objectStoreUrls,
    },
    () => gateway.measure(),
  )
  await Promise.race([untilStopRequested(terminal), membership.drainRequested])
  await gateway.drain()
  return EXIT.ok
}

function forkProcess(): ChildProcess {
  return fork(MAIN, ['serve-process'], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function readyLine(gateway: string, admin: string): string {
  return `${JSON.stringify({ ready: true, gateway, admin })}\n`
}
