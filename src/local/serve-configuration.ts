import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { LocalEnvironment } from './environment.ts'

/** Where the gateway of {@link writeServeConfiguration} listens. */
export interface ServePorts {
  readonly gateway: number
  readonly admin: number
  readonly s3: number
}

/** Files for a gateway of one's own. */
export interface ServeFiles {
  /** For `serve --config`. */
  readonly configuration: string
  /** For a shell to source: what the configuration refers to, and what the commands need. */
  readonly environment: string
}

/**
 * Writes a configuration of a gateway that begins with no organization and keeps its registry in PostgreSQL, before
 * the stores and the AWS of a local environment.
 */
export function writeServeConfiguration(
  environment: LocalEnvironment,
  directory: string,
  ports: ServePorts,
): ServeFiles {
  const configuration = join(directory, 'serve.yaml')
  writeFileSync(configuration, stringify(configurationOf(environment, ports)))
  const { accountId, accessKeyId, secretAccessKey } = environment.world.customer
  const variables = {
    PORTCULLIS_OPERATOR_TOKEN: environment.tokens.admin,
    PORTCULLIS_AWS_SECRET: environment.world.vendor.gateway.secretAccessKey,
    PORTCULLIS_STORE_SECRET: environment.objects.upstream.secretAccessKey,
    PORTCULLIS_ADMIN_URL: `http://127.0.0.1:${ports.admin}`,
    PORTCULLIS_ADMIN_TOKEN: environment.tokens.admin,
    // the customer's own account, as the AWS CLI reads it
    CUSTOMER_ACCOUNT_ID: accountId,
    AWS_ENDPOINT_URL: environment.aws.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
  const file = join(directory, 'environment')
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  return { configuration, environment: file }
}

function configurationOf({ aws, world, stores, objects }: LocalEnvironment, ports: ServePorts): unknown {
  const { gateway, accountId, roleArn, externalId, keys } = world.vendor
  return {
    listener: { port: ports.gateway },
    admin: {
      port: ports.admin,
      tokens: [{ name: 'operator', env: 'PORTCULLIS_OPERATOR_TOKEN', role: 'operator' }],
    },
    registry: { postgres: { env: 'PORTCULLIS_REGISTRY_URL' } },
    onboarding: { gatewayPrincipalArn: gateway.arn },
    kms: {
      kmsEndpoint: aws.endpoint,
      stsEndpoint: aws.endpoint,
      credentials: { accessKeyId: gateway.accessKeyId, secretAccessKey: { env: 'PORTCULLIS_AWS_SECRET' } },
    },
    vendorKeys: [
      {
        location: 'europe',
        accountId,
        roleArn,
        externalId,
        keys: Object.fromEntries(keys.map(({ region, keyArn }) => [region, keyArn])),
      },
    ],
    stores: [
      {
        name: 'jira',
        ...stores.jira,
        apps: ['jira', 'jira-service-management'],
        coverage: 'jira-service-management',
      },
      { name: 'confluence', ...stores.confluence, apps: ['confluence'], coverage: 'confluence' },
    ],
    objectStores: [
      {
        name: 'attachments',
        port: ports.s3,
        clientRegion: objects.region,
        upstream: objects.upstream.endpoint,
        region: objects.region,
        credentials: {
          accessKeyId: objects.upstream.accessKeyId,
          secretAccessKey: { env: 'PORTCULLIS_STORE_SECRET' },
        },
        apps: ['jira', 'jira-service-management', 'confluence'],
      },
    ],
  }
}
