import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ResponseOf } from '../admin/api/contract/contract.ts'
import { applyTemplate } from '../local/apply-template.ts'
import { startLocalEnvironment } from '../local/environment.ts'
import { writeServeConfiguration } from '../local/serve-configuration.ts'
import { EXIT, type ExitCode, type Terminal, untilStopRequested } from './terminal.ts'

/** Options of `portcullis local start`. */
export interface LocalArguments {
  readonly port: number
  readonly adminPort: number
  readonly s3Port: number
  readonly dataDir: string
  readonly reset: boolean
}

/** `portcullis local start`: what a gateway needs around it, and a configuration for one that begins empty. */
export async function runLocal(options: LocalArguments, terminal: Terminal): Promise<ExitCode> {
  const environment = await startLocalEnvironment({
    directory: options.dataDir,
    reset: options.reset,
    gatewayPort: options.port,
    adminPort: options.adminPort,
    logLevel: 'info',
  })
  const ports = { gateway: options.port, admin: options.adminPort, s3: options.s3Port }
  const files = writeServeConfiguration(environment, resolve(options.dataDir), ports)
  terminal.print(`${JSON.stringify({ ready: true, ...files })}\n`)
  await untilStopRequested(terminal)
  await environment.stop()
  return EXIT.ok
}

/**
 * `portcullis local apply`: makes what the CloudFormation files of a plan describe in the customer's account of the
 * local AWS. Prints what `org byok set --from` takes.
 */
export async function runLocalApply(planFile: string, terminal: Terminal): Promise<ExitCode> {
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = terminal.environment
  if (!AWS_ENDPOINT_URL || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    terminal.printError('portcullis: source the environment that `portcullis local start` wrote\n')
    return EXIT.usage
  }
  const { accountId, cloudFormation } = JSON.parse(readFileSync(planFile, 'utf8')) as ResponseOf<'byok.plan'>
  const keys: Record<string, string> = {}
  let roleArn = ''
  for (const { fileName, region, text } of cloudFormation) {
    if (region === null) continue
    const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY }
    const [primary] = Object.values(keys)
    const outputs = await applyTemplate(
      text,
      { endpoint: AWS_ENDPOINT_URL, credentials, accountId, region },
      fileName.includes('replica') && primary !== undefined ? { PrimaryKeyArn: primary } : {},
    )
    roleArn = outputs['RoleArn'] ?? roleArn
    if (outputs['KeyArn'] !== undefined) keys[region] = outputs['KeyArn']
  }
  terminal.print(`${JSON.stringify({ accountId, roleArn, keys })}\n`)
  return EXIT.ok
}
