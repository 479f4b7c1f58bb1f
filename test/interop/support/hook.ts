import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AuditEntry } from '../../../src/audit/entries.ts'

/** A receiver of webhooks on loopback. */
export interface Hook {
  readonly url: string
  /** What arrived of a chain, each entry once, in order of arrival. */
  entriesOf(chain: string): AuditEntry[]
  rowsOf(chain: string): AuditEntry[]
  stop(): Promise<void>
}

/** Starts a receiver that takes everything. */
export async function startHook(): Promise<Hook> {
  const entries = new Map<string, AuditEntry>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { entries: AuditEntry[] }
      for (const entry of body.entries) entries.set(JSON.stringify(entry), entry)
      response.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const entriesOf = (chain: string): AuditEntry[] =>
    [...entries.values()].filter((entry) => entry.chain === chain)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    entriesOf,
    rowsOf: (chain) => entriesOf(chain).filter((entry) => 'event' in entry),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
