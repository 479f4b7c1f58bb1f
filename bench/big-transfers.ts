import { ObjectClient } from './support/object-client.ts'
import { emptyPayloadHash, signed } from './support/sign.ts'

/** What is read over and over. */
export interface BigTransfers {
  readonly url: string
  readonly path: string
  readonly connections: number
  readonly region: string
  readonly credential: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

// Reads a big object on several connections until it is stopped: in a process of its own, so that what it costs the
// load generator does not show as latency of the requests that are timed.
const { url, path, connections, region, credential } = JSON.parse(process.argv[2]!) as BigTransfers
const clients = Array.from({ length: connections }, () => new ObjectClient(url))
const underWay = clients.map(
  (client) =>
    new Promise<void>((resolve, reject) => {
      const run = async (): Promise<never> => {
        for (;;) {
          const headers = signed(
            { method: 'GET', path, url, headers: [], payload: emptyPayloadHash },
            credential,
            region,
          )
          const { status } = await client.send({
            method: 'GET',
            target: path,
            headers,
            onData: () => resolve(),
          })
          if (status !== 200) throw new Error(`a big transfer was answered with ${status}`)
        }
      }
      run().catch(reject)
    }),
)
await Promise.all(underWay)
process.stdout.write('{}\n')
process.once('SIGTERM', () => process.exit(0))
