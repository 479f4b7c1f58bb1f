import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfiguration } from '../../../src/config/load.ts'
import { Gateway } from '../../../src/gateway.ts'
import { type LocalAws, startLocalAws } from '../../../src/local/aws/local-aws.ts'
import {
  type AuthorityResources,
  createAuthority,
  createWorld,
  type LocalWorld,
} from '../../../src/local/aws/world.ts'
import { type DocumentStore, startDocumentStore } from '../../../src/local/document-store/document-store.ts'
import { createLogger } from '../../../src/observability/logger.ts'
import { applyTemplate } from '../../../src/local/apply-template.ts'
import type { AnyJson } from '../../support/any-json.ts'
import { LogCapture } from '../../support/log-capture.ts'

export const EUROPE = ['eu-central-1', 'eu-west-1']
export const OPERATOR = 'operator-token-of-at-least-32-characters'
export const AUDITOR = 'auditor-token-of-at-least-32-characters'

type Data = Record<string, AnyJson>

/** An answer of the admin API. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: AnyJson
}

/** What to ask the admin API. */
export interface Asking {
  readonly method?: string
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Record<string, string>
}

/** One gateway of an {@link ApiWorld}. */
export class ApiGateway {
  readonly gateway: Gateway
  readonly logs: LogCapture
  #stopped: Promise<void> | undefined

  constructor(gateway: Gateway, logs: LogCapture) {
    this.gateway = gateway
    this.logs = logs
  }

  /** Asks the admin API, as the operator unless told otherwise. */
  async api(path: string, asking: Asking = {}): Promise<ApiAnswer> {
    const { body, method = body === undefined ? 'GET' : 'POST', token = OPERATOR, headers = {} } = asking
    const response = await fetch(this.gateway.adminUrl + path, {
      method,
      headers: {
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /[/+]json$/.test(response.headers.get('content-type')?.split(';')[0] ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined,
    }
  }

  /** The same below `/admin/v1/organizations`; fails unless the status is as expected. */
  async organization(path: string, asking: Asking & { readonly expect?: number } = {}): Promise<AnyJson> {
    const answer = await this.api(`/admin/v1/organizations${path}`, asking)
    const { expect } = asking
    if (expect === undefined ? answer.status >= 300 : answer.status !== expect) {
      throw new Error(`${asking.method ?? ''} ${path} answered ${answer.status}: ${answer.text}`)
    }
    return answer.json
  }

  /** A request on the data plane. */
  async request(path: string, site: string, token: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(this.gateway.url + path, {
      ...init,
      headers: {
        ...(init.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        'Portcullis-Tenant': site,
        'Portcullis-Authorization': `Bearer ${token}`,
      },
    })
  }

  async stop(): Promise<void> {
    this.#stopped ??= this.gateway.drain()
    await this.#stopped
  }
}

/** A local AWS, document stores, and gateways that begin with no organization at all. */
export class ApiWorld {
  readonly aws: LocalAws
  readonly world: LocalWorld
  readonly directory: string
  readonly #stores: { readonly jira: DocumentStore; readonly confluence: DocumentStore }
  readonly #running: ApiGateway[] = []
  #customers = 0

  private constructor(
    aws: LocalAws,
    world: LocalWorld,
    directory: string,
    stores: { jira: DocumentStore; confluence: DocumentStore },
  ) {
    this.aws = aws
    this.world = world
    this.directory = directory
    this.#stores = stores
  }

  static async start(): Promise<ApiWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-api-'))
    const aws = await startLocalAws()
    const world = await createWorld(aws, { organization: 'unused', externalId: 'unused-1', regions: EUROPE })
    const store = (name: string, collections: string[]): Promise<DocumentStore> =>
      startDocumentStore({ directory: join(directory, name), collections, port: 0 })
    const stores = {
      jira: await store('jira', ['issue', 'comment']),
      confluence: await store('confluence', ['page', 'comment']),
    }
    return new ApiWorld(aws, world, directory, stores)
  }

  /** A configuration without organizations, whose registry is `name`. */
  configuration(name: string): Data {
    const { vendor } = this.world
    return {
      listener: { port: 0 },
      admin: {
        port: 0,
        tokens: [
          { name: 'olga', env: 'OPERATOR', role: 'operator' },
          { name: 'ari', env: 'AUDITOR', role: 'auditor' },
        ],
      },
      logging: { level: 'debug' },
      registry: { file: `${name}.sqlite` },
      audit: { directory: `${name}-audit` },
      onboarding: { gatewayPrincipalArn: vendor.gateway.arn },
      kms: {
        kmsEndpoint: this.aws.endpoint,
        stsEndpoint: this.aws.endpoint,
        credentials: { accessKeyId: vendor.gateway.accessKeyId, secretAccessKey: { env: 'AWS_SECRET' } },
      },
      vendorKeys: [
        {
          location: 'europe',
          accountId: vendor.accountId,
          roleArn: vendor.roleArn,
          externalId: vendor.externalId,
          keys: keysOf(vendor),
        },
      ],
      stores: [
        {
          name: 'jira',
          mount: '/jira',
          upstream: this.#stores.jira.url,
          apps: ['jira', 'jira-service-management'],
          coverage: 'jira',
        },
        {
          name: 'confluence',
          mount: '/confluence',
          upstream: this.#stores.confluence.url,
          apps: ['confluence'],
          coverage: 'confluence',
        },
      ],
    }
  }

  /** Starts a gateway; two of the same `name` share a registry. */
  async gateway(
    name = 'registry',
    change: (configuration: Data) => void = () => undefined,
    variables: Record<string, string> = {},
  ): Promise<ApiGateway> {
    const configuration = this.configuration(name)
    change(configuration)
    const file = join(this.directory, `${name}-${this.#running.length}.yaml`)
    writeFileSync(file, stringify(configuration))
    const logs = new LogCapture()
    const gateway = await Gateway.start({
      ...loadConfiguration(file, {
        OPERATOR,
        AUDITOR,
        AWS_SECRET: this.world.vendor.gateway.secretAccessKey,
        ...variables,
      }),
      logger: createLogger({ level: 'debug', destination: logs }),
    })
    const running = new ApiGateway(gateway, logs)
    this.#running.push(running)
    return running
  }

  /** What a customer makes in an AWS account of their own for an organization. */
  async customer(organization: string, externalId: string): Promise<AuthorityResources> {
    this.#customers += 1
    const accountId = String(500_000_000_000 + this.#customers)
    await this.aws.createAccount(accountId)
    return await createAuthority(this.aws, {
      name: organization,
      accountId,
      regions: EUROPE,
      externalId,
      trustedPrincipalArn: this.world.vendor.gateway.arn,
      organization,
    })
  }

  /** Applies the CloudFormation files of a plan in a new account of the customer's, as they would. */
  async applyPlan(organization: string, gateway: ApiGateway): Promise<Data> {
    this.#customers += 1
    const accountId = String(500_000_000_000 + this.#customers)
    const credentials = await this.aws.createAccount(accountId)
    const plan = await gateway.organization(`/${organization}/byok/plan?accountId=${accountId}`)
    const keys: Record<string, string> = {}
    let roleArn = ''
    for (const { fileName, region, text } of plan.cloudFormation) {
      const target = { endpoint: this.aws.endpoint, credentials, accountId, region: region as string }
      const parameters = /replica/.test(fileName) ? { PrimaryKeyArn: Object.values(keys)[0]! } : {}
      const outputs = await applyTemplate(text as string, target, parameters)
      roleArn = outputs['RoleArn'] ?? roleArn
      if (outputs['KeyArn'] !== undefined) keys[region] = outputs['KeyArn']
    }
    return { accountId, roleArn, keys }
  }

  /** An organization in Europe with its keys in place. */
  async organization(gateway: ApiGateway, id: string): Promise<AuthorityResources> {
    const { externalId } = (await gateway.organization('', { body: { id, location: 'europe' } })) as {
      externalId: string
    }
    const customer = await this.customer(id, externalId)
    await gateway.organization(`/${id}/byok`, { method: 'PUT', body: byokOf(customer) })
    return customer
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.stop()))
    await Promise.all([this.aws.stop(), this.#stores.jira.stop(), this.#stores.confluence.stop()])
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Key ARN by region. */
export function keysOf({ keys }: Pick<AuthorityResources, 'keys'>): Record<string, string> {
  return Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn]))
}

/** The body that sets a BYOK configuration. */
export function byokOf(customer: AuthorityResources): Data {
  return { accountId: customer.accountId, roleArn: customer.roleArn, keys: keysOf(customer) }
}
