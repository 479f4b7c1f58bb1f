import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { startLocalEnvironment } from '../src/local/environment.ts'

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
}
const [jira] = configuration.stores
configuration.stores = [
  { ...jira, upstream },
  { ...jira, name: 'plain', mount: '/plain', upstream, coverage: plainCoverage },
]
writeFileSync(environment.configurationFile, stringify(configuration))

process.stdout.write(
  `${JSON.stringify({
    upstream,
    configurationFile: environment.configurationFile,
    variables: environment.variables,
    site: environment.site,
    token: environment.tokens.app,
  })}\n`,
)
process.once('SIGTERM', () => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(0)
})
