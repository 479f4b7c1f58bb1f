import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { startLocalEnvironment } from '../../../src/local/environment.ts'
import type { AuthorityResources } from '../../../src/local/aws/world.ts'

/** What the local world says of itself when it stands. */
export interface WorldReady {
  readonly organization: string
  readonly site: string
  readonly configuration: Record<string, unknown>
  readonly variables: Readonly<Record<string, string>>
  readonly tokens: { readonly app: string; readonly admin: string }
  readonly aws: string
  readonly customer: AuthorityResources & { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** ARN of the principal that the gateway is. */
  readonly gatewayArn: string
  /** Ports on loopback that gateways need. */
  readonly ports: { readonly aws: number; readonly stores: readonly number[] }
}

// A local AWS and stores in a process of their own, so that neither gateways nor load hold them up.
const directory = mkdtempSync(join(tmpdir(), 'portcullis-world-'))
const environment = await startLocalEnvironment({
  directory: join(directory, 'data'),
  reset: false,
  gatewayPort: 8080,
  adminPort: 8081,
  logLevel: 'warn',
})
const port = (url: string): number => Number(new URL(url).port)
const ready: WorldReady = {
  organization: environment.organization,
  site: environment.site,
  configuration: parse(readFileSync(environment.configurationFile, 'utf8')) as Record<string, unknown>,
  variables: environment.variables,
  tokens: environment.tokens,
  aws: environment.aws.endpoint,
  customer: environment.world.customer,
  gatewayArn: environment.world.vendor.gateway.arn,
  ports: {
    aws: port(environment.aws.endpoint),
    stores: [
      port(environment.stores.jira.upstream),
      port(environment.stores.confluence.upstream),
      port(environment.objects.upstream.endpoint),
    ],
  },
}
process.send!(ready)
process.once('disconnect', () => {
  void environment.stop().finally(() => {
    rmSync(directory, { recursive: true, force: true })
    process.exit(0)
  })
})
