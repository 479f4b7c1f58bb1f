import { loadConfiguration } from '../config/load.ts'
import { Gateway } from '../gateway.ts'
import { type LocalEnvironment, startLocalEnvironment } from '../local/environment.ts'
import { createLogger } from '../observability/logger.ts'
import type { DevArguments } from './program.ts'
import { EXIT, type ExitCode, type Terminal, untilStopRequested } from './terminal.ts'

/** A gateway with everything it needs, on loopback. */
export interface DevStack {
  readonly gateway: Gateway
  readonly environment: LocalEnvironment
  stop(): Promise<void>
}

/** Starts the whole stack in this process. */
export async function startDevStack(options: DevArguments): Promise<DevStack> {
  const environment = await startLocalEnvironment({
    directory: options.dataDir,
    reset: options.reset,
    gatewayPort: options.port,
    adminPort: options.adminPort,
    logLevel: options.logLevel,
  })
  const { configuration, materials } = loadConfiguration(environment.configurationFile, environment.variables)
  const logger = createLogger({ level: configuration.logging.level })
  const gateway = await Gateway.start({ configuration, materials, logger })
  const disconnect = environment.connectEventBus(gateway.adminUrl)
  return {
    gateway,
    environment,
    stop: async () => {
      disconnect()
      await gateway.drain()
      await environment.stop()
    },
  }
}

/** The ready line of the contract: where everything is and with which credentials. */
export function readyLine({ gateway, environment }: DevStack): Record<string, unknown> {
  const { world, aws, objects } = environment
  const { accountId, roleArn, accessKeyId, secretAccessKey, keys } = world.customer
  return {
    ready: true,
    gateway: gateway.url,
    admin: gateway.adminUrl,
    tenant: environment.site,
    organization: environment.organization,
    tokens: environment.tokens,
    stores: environment.stores,
    s3: {
      endpoint: gateway.objectStoreUrls.get('attachments'),
      bucket: objects.bucket,
      ...objects.accessKey,
      region: objects.region,
      upstream: { bucket: objects.bucket, region: objects.region, ...objects.upstream },
    },
    customer: {
      kmsEndpoint: aws.endpoint,
      stsEndpoint: aws.endpoint,
      iamEndpoint: aws.endpoint,
      accountId,
      roleArn,
      accessKeyId,
      secretAccessKey,
      keys: Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn])),
    },
  }
}

/** `portcullis dev`: runs the stack until it is told to stop. */
export async function runDev(options: DevArguments, terminal: Terminal): Promise<ExitCode> {
  const stack = await startDevStack(options)
  terminal.print(`${JSON.stringify(readyLine(stack))}\n`)
  await untilStopRequested(terminal)
  await stack.stop()
  return EXIT.ok
}
