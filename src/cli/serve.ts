import { Gateway } from '../gateway.ts'
import { createLogger } from '../observability/logger.ts'
import { loadOrExplain } from './findings.ts'
import { EXIT, type ExitCode, type Terminal, untilStopRequested } from './terminal.ts'

/** `portcullis serve`: runs the gateway until it is told to stop. Prints one ready line on standard output. */
export async function runServe(file: string, terminal: Terminal): Promise<ExitCode> {
  const loaded = loadOrExplain(file, terminal)
  if (loaded === undefined) return EXIT.failed
  const { configuration, materials } = loaded
  const logger = createLogger({ level: configuration.logging.level })
  const gateway = await Gateway.start({ configuration, materials, logger })
  terminal.print(`${JSON.stringify({ ready: true, gateway: gateway.url, admin: gateway.adminUrl })}\n`)
  await untilStopRequested(terminal)
  await gateway.drain()
  return EXIT.ok
}
