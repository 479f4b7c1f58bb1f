import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

// What a Node team would put in front of a store otherwise: no encryption, no tenants, just forwarding.
const target = process.argv[2]!
const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true, maxSockets: 128 }) })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502).end()
})
const server = createServer((request, response) => {
  proxy.web(request, response)
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
  )
})
