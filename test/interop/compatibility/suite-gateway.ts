import { GatewayWorld } from '../../support/gateway-world.ts'
import type { SuiteStore } from './suite-stores.ts'

/** A gateway before a store of the suite. */
export interface SuiteGateway {
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts a gateway whose access keys are the users of the suite, each with its own credentials at the store. */
export async function startSuiteGateway({ endpoint, region, users }: SuiteStore): Promise<SuiteGateway> {
  const world = await GatewayWorld.start()
  const secret = (id: string, value: string) => ({ file: world.file(id, value) })
  const distinct = new Map(
    users.map(({ credential }) => [credential.accessKeyId, credential.secretAccessKey]),
  )
  const accessKeys = [...distinct].map(([accessKeyId, secretAccessKey]) => ({
    accessKeyId,
    secretAccessKey: secret(`of-client-${accessKeyId}`, secretAccessKey),
    site: 'acme',
    buckets: [],
    storeCredentials: { accessKeyId, secretAccessKey: secret(`at-store-${accessKeyId}`, secretAccessKey) },
  }))
  const running = await world.gateway((configuration) => {
    configuration['objectStores'] = [
      {
        name: 'attachments',
        port: 0,
        clientRegion: region,
        upstream: endpoint,
        region,
        credentials: {
          accessKeyId: 'SUITE0000000UNUSED',
          secretAccessKey: secret('unused', 'unused-0123456789-unused'),
        },
        apps: ['jira', 'confluence'],
        accessKeys,
      },
    ]
  })
  return { endpoint: running.gateway.objectStoreUrls.get('attachments')!, stop: () => world.stop() }
}
