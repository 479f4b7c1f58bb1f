import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfiguration } from '../../src/config/load.ts'
import { Gateway } from '../../src/gateway.ts'
import { type LocalAws, startLocalAws } from '../../src/local/aws/local-aws.ts'
import { type AuthorityResources, createAuthority, createWorld } from '../../src/local/aws/world.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { CustomerAccount } from './customer-account.ts'
import type { ConfigurationData } from './dev-stack.ts'
import { type Answer, keepAlive, send, type Sending } from './http-client.ts'
import { LogCapture } from './log-capture.ts'

const REGIONS = ['eu-central-1', 'eu-west-1']
const TOKEN_PREFIX = 'token-of-'

/** A gateway of any configuration over the real local AWS: two customers, `acme` and `umbrella`, and a vendor. */
export class GatewayWorld {
  readonly aws: LocalAws
  readonly directory: string
  readonly acme: CustomerAccount
  readonly umbrella: CustomerAccount
  readonly #vendor: AuthorityResources
  readonly #gatewaySecret: string
  readonly #gatewayKeyId: string
  readonly #running: RunningGateway[] = []

  private constructor(
    aws: LocalAws,
    directory: string,
    customers: { acme: CustomerAccount; umbrella: CustomerAccount },
    vendor: AuthorityResources & { gateway: { accessKeyId: string; secretAccessKey: string } },
  ) {
    this.aws = aws
    this.directory = directory
    this.acme = customers.acme
    this.umbrella = customers.umbrella
    this.#vendor = vendor
    this.#gatewaySecret = vendor.gateway.secretAccessKey
    this.#gatewayKeyId = vendor.gateway.accessKeyId
  }

  static async start(): Promise<GatewayWorld> {
    const aws = await startLocalAws()
    const { customer, vendor } = await createWorld(aws, {
      organization: 'acme',
      externalId: 'acme-1',
      regions: REGIONS,
    })
    const administrator = await aws.createAccount('222233334444')
    const umbrella = await createAuthority(aws, {
      name: 'umbrella',
      accountId: '222233334444',
      regions: REGIONS,
      externalId: 'umbrella-1',
      trustedPrincipalArn: vendor.gateway.arn,
      organization: 'umbrella',
    })
    const customers = {
      acme: new CustomerAccount(aws, customer, customer, 'acme', vendor.gateway.arn),
      umbrella: new CustomerAccount(aws, umbrella, administrator, 'umbrella', vendor.gateway.arn),
    }
    return new GatewayWorld(aws, mkdtempSync(join(tmpdir(), 'portcullis-world-')), customers, vendor)
  }

  /**
   * The base of a configuration: no stores; organization `acme` with site `acme` (all apps BYOK), organization
   * `umbrella` with site `umbrella` (Jira BYOK, Confluence under the vendor's keys); a token for each site.
   */
  configuration(): ConfigurationData {
    const byok = ({ resources }: CustomerAccount) => ({
      accountId: resources.accountId,
      roleArn: resources.roleArn,
      externalId: resources.externalId,
      keys: keysOf(resources),
    })
    const apps = (types: string[], byok: boolean) => types.map((type) => ({ type, byok }))
    return {
      listener: { port: 0 },
      admin: { port: 0, tokens: [{ name: 'operator', env: 'ADMIN_TOKEN', role: 'operator' }] },
      logging: { level: 'trace' },
      registry: { file: 'registry.sqlite' },
      kms: {
        kmsEndpoint: this.aws.endpoint,
        stsEndpoint: this.aws.endpoint,
        credentials: { accessKeyId: this.#gatewayKeyId, secretAccessKey: { env: 'AWS_SECRET' } },
      },
      stores: [],
      vendorKeys: [
        {
          location: 'europe',
          accountId: this.#vendor.accountId,
          roleArn: this.#vendor.roleArn,
          externalId: this.#vendor.externalId,
          keys: keysOf(this.#vendor),
        },
      ],
      organizations: [
        {
          id: 'acme',
          location: 'europe',
          byok: byok(this.acme),
          sites: [
            {
              name: 'acme',
              hosts: ['acme.gateway.example'],
              apps: apps(['jira', 'jira-service-management', 'confluence'], true),
            },
          ],
        },
        {
          id: 'umbrella',
          location: 'europe',
          byok: byok(this.umbrella),
          sites: [
            {
              name: 'umbrella',
              hosts: ['umbrella.gateway.example'],
              apps: [...apps(['jira'], true), ...apps(['confluence'], false)],
            },
          ],
        },
      ],
      tokens: ['acme', 'umbrella'].map((site) => ({ name: site, env: `TOKEN_${site}`, sites: [site] })),
    }
  }

  /** Writes a file beside the configuration; returns its path. */
  file(name: string, content: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, content)
    return path
  }

  /** Writes the base configuration as `change` leaves it, and says what environment it needs. */
  configured(
    change: (configuration: ConfigurationData) => void,
    name: string,
  ): { file: string; environment: Record<string, string> } {
    const configuration = this.configuration()
    configuration['registry'] = { file: `${name}.sqlite` }
    configuration['audit'] = { directory: `${name}-audit` }
    change(configuration)
    const environment = {
      AWS_SECRET: this.#gatewaySecret,
      ADMIN_TOKEN: 'admin-token-of-at-least-32-characters',
      TOKEN_acme: tokenOf('acme'),
      TOKEN_umbrella: tokenOf('umbrella'),
    }
    return { file: this.file(`${name}.yaml`, stringify(configuration)), environment }
  }

  /** Starts a gateway of the base configuration as `change` leaves it. */
  async gateway(
    change: (configuration: ConfigurationData) => void,
    name = `portcullis-${this.#running.length}`,
  ): Promise<RunningGateway> {
    const { file, environment } = this.configured(change, name)
    const logs = new LogCapture()
    const gateway = await Gateway.start({
      ...loadConfiguration(file, environment),
      logger: createLogger({ level: 'trace', destination: logs }),
    })
    const running = new RunningGateway(gateway, logs, join(this.directory, `${name}-audit`))
    this.#running.push(running)
    return running
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.stop()))
    await this.aws.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A gateway under test. */
export class RunningGateway {
  readonly gateway: Gateway
  readonly logs: LogCapture
  readonly auditDirectory: string
  readonly #agent = keepAlive()
  #stopped: Promise<void> | undefined

  constructor(gateway: Gateway, logs: LogCapture, auditDirectory: string) {
    this.gateway = gateway
    this.logs = logs
    this.auditDirectory = auditDirectory
  }

  get url(): string {
    return this.gateway.url
  }

  /** A request as the app of a site. */
  async request(path: string, sending: Sending & { readonly site?: string } = {}): Promise<Answer> {
    const { site = 'acme', ...rest } = sending
    return await send(this.url + path, {
      ...(this.url.startsWith('http:') ? { agent: this.#agent } : { tls: { rejectUnauthorized: false } }),
      ...rest,
      headers: { ...credentials(site), ...rest.headers },
    })
  }

  async put(path: string, body: string | Buffer, site = 'acme'): Promise<Answer> {
    return await this.request(path, {
      site,
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json' },
    })
  }

  /** A first write, repeated while the key service, itself just started, is too slow for tight timeouts. */
  async warm(path: string, body: string | Buffer, site = 'acme'): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.put(path, body, site)
      if (answer.status !== 503 || attempt === 100) return answer
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    this.#stopped ??= this.gateway.drain()
    await this.#stopped
  }
}

/** Headers of a site's app. */
export function credentials(site: string): Record<string, string> {
  return { 'Portcullis-Tenant': site, 'Portcullis-Authorization': `Bearer ${tokenOf(site)}` }
}

/** The same as raw header lines. */
export function credentialLines(site: string): string {
  return Object.entries(credentials(site))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

function tokenOf(site: string): string {
  return `${TOKEN_PREFIX}${site}-0123456789abcdef0123456789abcdef`
}

function keysOf({ keys }: AuthorityResources): Record<string, string> {
  return Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn]))
}
