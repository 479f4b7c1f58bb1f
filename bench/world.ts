import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { startLocalEnvironment } from '../src/local/environment.ts'
import { freePort } from './support/nginx.ts'

/** What a started world says of itself. */
export interface World {
  readonly upstream: string
  readonly configurationFile: string
  readonly variables: Record<string, string>
  readonly site: string
  readonly token: string
  /** The gateway's S3 endpoint, before the object store that was named as argument. */
  readonly objects: {
    readonly url: string
    readonly credential: { readonly accessKeyId: string; readonly secretAccessKey: string }
  }
}

// The fixed surroundings of every subject, in a process of their own: a local KMS and a store that costs next to nothing.
const directory = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
const environment = await startLocalEnvironment({
  directory: join(directory, 'data'),
  reset: false,
  gatewayPort: 0,
  adminPort: 0,
  logLevel: 'error',
})

const documents = new Map<string, Buffer>()
const store = createServer((request, response) => {
  const path = request.url ?? ''
  if (request.method === 'PUT') {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      documents.set(path, Buffer.concat(chunks))
      response.writeHead(204)
      response.end()
    })
    return
  }
  const body = documents.get(path)
  response.writeHead(body === undefined ? 404 : 200, {
    'Content-Type': 'application/json',
    'Content-Length': body?.length ?? 0,
  })
  response.end(body)
})
store.keepAliveTimeout = 60_000
await new Promise<void>((resolve) => {
  store.listen(0, '127.0.0.1', resolve)
})
const upstream = `http://127.0.0.1:${(store.address() as AddressInfo).port}`

const plainCoverage = join(directory, 'plain.yaml')
writeFileSync(
  plainCoverage,
  stringify({ entities: {}, routes: [{ methods: ['GET', 'PUT'], paths: '/issue/{id}', action: 'pass' }] }),
)
const configuration = parse(readFileSync(environment.configurationFile, 'utf8')) as {
  stores: Record<string, unknown>[]
  objectStores: Record<string, unknown>[]
}
const [jira] = configuration.stores
configuration.stores = [
  { ...jira, upstream },
  { ...jira, name: 'plain', mount: '/plain', upstream, coverage: plainCoverage },
]
const objectPort = await freePort()
const [objectStore] = configuration.objectStores
configuration.objectStores = [
  { ...objectStore, port: objectPort, upstream: process.argv[2] ?? objectStore!['upstream'] },
]
writeFileSync(environment.configurationFile, stringify(configuration))

const ready: World = {
  upstream,
  configurationFile: environment.configurationFile,
  variables: environment.variables,
  site: environment.site,
  token: environment.tokens.app,
  objects: { url: `http://127.0.0.1:${objectPort}`, credential: environment.objects.accessKey },
}

process.stdout.write(`${JSON.stringify(ready)}\n`)
process.once('SIGTERM', () => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(0)
})
