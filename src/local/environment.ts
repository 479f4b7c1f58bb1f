import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { startLocalAws, type LocalAws } from './aws/local-aws.ts'
import { createWorld, type LocalWorld } from './aws/world.ts'
import { startDocumentStore } from './document-store/document-store.ts'
import { startEventBus } from './event-bus.ts'
import { startObjectStore } from './object-store/object-store.ts'
import { notificationSecret } from '../onboarding/notification-secret.ts'

/** How the local environment is started. */
export interface LocalEnvironmentOptions {
  readonly directory: string
  readonly reset: boolean
  readonly gatewayPort: number
  readonly adminPort: number
  readonly logLevel: string
}

/** Everything of `portcullis dev` but the gateway itself: a local AWS, stores, and a configuration that names them. */
export interface LocalEnvironment {
  readonly organization: string
  readonly site: string
  /** A configuration file that `serve` would take as well. */
  readonly configurationFile: string
  /** Variables that the configuration refers to. */
  readonly variables: Readonly<Record<string, string>>
  readonly tokens: { readonly app: string; readonly admin: string }
  readonly stores: Readonly<
    Record<'jira' | 'confluence', { readonly mount: string; readonly upstream: string }>
  >
  readonly objects: {
    readonly bucket: string
    readonly region: string
    /** Of the tenant at the gateway. */
    readonly accessKey: S3AccessKey
    readonly upstream: S3AccessKey & { readonly endpoint: string }
  }
  readonly aws: LocalAws
  readonly world: LocalWorld
  /** Lets the customer's EventBridge notify a gateway; returns the end of it. */
  connectEventBus(adminUrl: string): () => void
  stop(): Promise<void>
}

/** An S3 access key. */
export interface S3AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What a data directory of ours is recognised by, and what must stay the same across restarts. */
interface Identity {
  readonly tokens: { readonly app: string; readonly admin: string }
  readonly externalId: string
  readonly tenantAccessKey: S3AccessKey
  readonly storeAccessKey: S3AccessKey
}

const ORGANIZATION = 'acme'
const SITE = 'acme'
const REGIONS = ['eu-central-1', 'eu-west-1']
const BUCKET = 'attachments'
const IDENTITY_FILE = 'identity.json'

export const COLLECTIONS = {
  jira: ['issue', 'comment', 'board', 'sprint', 'notification', 'permission', 'asset'],
  confluence: ['page', 'blogpost', 'comment', 'question', 'whiteboard', 'permission'],
} as const

/** Starts the local environment; its state lives in the directory and survives a restart. */
export async function startLocalEnvironment(options: LocalEnvironmentOptions): Promise<LocalEnvironment> {
  const directory = resolve(options.directory)
  const identity = openDirectory(directory, options.reset)
  const notificationKey = randomBytes(32).toString('base64url')
  const aws = await startLocalAws({ directory: join(directory, 'aws') })
  const world = await createWorld(aws, {
    organization: ORGANIZATION,
    externalId: identity.externalId,
    regions: REGIONS,
  })
  const jira = await startDocumentStore({
    directory: join(directory, 'stores/jira'),
    collections: COLLECTIONS.jira,
    port: 0,
  })
  const confluence = await startDocumentStore({
    directory: join(directory, 'stores/confluence'),
    collections: COLLECTIONS.confluence,
    port: 0,
  })
  const objects = await startObjectStore({
    directory: join(directory, 'stores/objects'),
    port: 0,
    credentials: identity.storeAccessKey,
    bucket: BUCKET,
    region: REGIONS[0]!,
  })
  const configurationFile = join(directory, 'portcullis.yaml')
  const stores = {
    jira: { mount: '/jira', upstream: jira.url },
    confluence: { mount: '/confluence', upstream: confluence.url },
  }
  writeFileSync(
    configurationFile,
    stringify(configurationOf(options, aws, world, stores, identity, objects.endpoint)),
  )
  return {
    organization: ORGANIZATION,
    site: SITE,
    configurationFile,
    variables: {
      PORTCULLIS_DEV_APP_TOKEN: identity.tokens.app,
      PORTCULLIS_DEV_ADMIN_TOKEN: identity.tokens.admin,
      PORTCULLIS_DEV_AWS_SECRET: world.vendor.gateway.secretAccessKey,
      PORTCULLIS_DEV_S3_SECRET: identity.tenantAccessKey.secretAccessKey,
      PORTCULLIS_DEV_STORE_SECRET: identity.storeAccessKey.secretAccessKey,
      PORTCULLIS_DEV_NOTIFICATION_SECRET: notificationKey,
    },
    tokens: identity.tokens,
    stores,
    objects: {
      bucket: BUCKET,
      region: REGIONS[0]!,
      accessKey: identity.tenantAccessKey,
      upstream: { endpoint: objects.endpoint, ...identity.storeAccessKey },
    },
    aws,
    world,
    connectEventBus: (adminUrl) =>
      startEventBus(aws, world.customer, {
        adminUrl,
        organization: ORGANIZATION,
        secret: notificationSecret(notificationKey, ORGANIZATION),
      }),
    stop: async () => {
      await Promise.all([aws, jira, confluence, objects].map((part) => part.stop()))
    },
  }
}

function openDirectory(directory: string, reset: boolean): Identity {
  const identityFile = join(directory, IDENTITY_FILE)
  const ours = existsSync(identityFile)
  if (!ours && existsSync(directory) && readdirSync(directory).length > 0) {
    throw new Error(`${directory} holds something else: name an empty directory`)
  }
  if (ours && reset) rmSync(directory, { recursive: true })
  if (ours && !reset) return JSON.parse(readFileSync(identityFile, 'utf8')) as Identity
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const identity: Identity = {
    tokens: { app: randomBytes(32).toString('base64url'), admin: randomBytes(32).toString('base64url') },
    externalId: `${ORGANIZATION}-${randomBytes(12).toString('hex')}`,
    tenantAccessKey: newAccessKey(),
    storeAccessKey: newAccessKey(),
  }
  writeFileSync(identityFile, JSON.stringify(identity), { mode: 0o600 })
  return identity
}

function newAccessKey(): S3AccessKey {
  return {
    accessKeyId: `PCDEV${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  }
}

function configurationOf(
  options: LocalEnvironmentOptions,
  aws: LocalAws,
  { customer, vendor }: LocalWorld,
  stores: LocalEnvironment['stores'],
  identity: Identity,
  objectEndpoint: string,
): unknown {
  const keysOf = (keys: LocalWorld['customer']['keys']) =>
    Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn]))
  return {
    listener: { port: options.gatewayPort },
    admin: {
      port: options.adminPort,
      tokens: [{ name: 'dev', env: 'PORTCULLIS_DEV_ADMIN_TOKEN', role: 'operator' }],
    },
    onboarding: {
      gatewayPrincipalArn: vendor.gateway.arn,
      notificationSecret: { env: 'PORTCULLIS_DEV_NOTIFICATION_SECRET' },
    },
    logging: { level: options.logLevel },
    registry: { file: 'registry.sqlite' },
    kms: {
      kmsEndpoint: aws.endpoint,
      stsEndpoint: aws.endpoint,
      credentials: {
        accessKeyId: vendor.gateway.accessKeyId,
        secretAccessKey: { env: 'PORTCULLIS_DEV_AWS_SECRET' },
      },
    },
    stores: [
      {
        name: 'jira',
        mount: stores.jira.mount,
        upstream: stores.jira.upstream,
        apps: ['jira', 'jira-service-management'],
        coverage: 'jira-service-management',
      },
      {
        name: 'confluence',
        mount: stores.confluence.mount,
        upstream: stores.confluence.upstream,
        apps: ['confluence'],
        coverage: 'confluence',
      },
    ],
    objectStores: [
      {
        name: 'attachments',
        port: 0,
        clientRegion: REGIONS[0],
        upstream: objectEndpoint,
        region: REGIONS[0],
        credentials: {
          accessKeyId: identity.storeAccessKey.accessKeyId,
          secretAccessKey: { env: 'PORTCULLIS_DEV_STORE_SECRET' },
        },
        apps: ['jira', 'jira-service-management', 'confluence'],
        accessKeys: [
          {
            accessKeyId: identity.tenantAccessKey.accessKeyId,
            secretAccessKey: { env: 'PORTCULLIS_DEV_S3_SECRET' },
            site: SITE,
          },
        ],
      },
    ],
    organizations: [
      {
        id: ORGANIZATION,
        name: 'Acme Corporation',
        location: 'europe',
        byok: {
          accountId: customer.accountId,
          roleArn: customer.roleArn,
          externalId: customer.externalId,
          keys: keysOf(customer.keys),
        },
        sites: [
          {
            name: SITE,
            apps: ['jira', 'jira-service-management', 'confluence'].map((type) => ({ type, byok: true })),
          },
        ],
      },
    ],
    tokens: [{ name: 'dev', env: 'PORTCULLIS_DEV_APP_TOKEN', sites: [SITE] }],
  }
}
