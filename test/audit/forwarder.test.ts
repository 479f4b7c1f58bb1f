import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import type { AuditEntry } from '../../src/audit/entries.ts'
import { Forwarder } from '../../src/audit/forwarder.ts'
import type { AuditDelivery, ForwarderOptions } from '../../src/audit/forwarder.ts'
import { otlpDelivery } from '../../src/audit/otlp-delivery.ts'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { syslogDelivery } from '../../src/audit/syslog-delivery.ts'
import { webhookDelivery } from '../../src/audit/webhook-delivery.ts'
import { webhookIsGenuine } from '../../src/audit/webhook-signature.ts'
import { chainOf, entry, newSigner, START_MS, temporaryDirectory } from './samples.ts'

const SECRET = 's'.repeat(40)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

async function newStore(): Promise<SqliteAuditStore> {
  const store = await SqliteAuditStore.open(join(temporaryDirectory(), 'audit.sqlite'))
  onTestFinished(() => store.close())
  return store
}

function startForwarder(options: Omit<ForwarderOptions, 'backoffMsMin'>): Forwarder {
  const forwarder = new Forwarder({ backoffMsMin: 5, backoffMsMax: 20, ...options })
  onTestFinished(() => forwarder.close())
  return forwarder
}

/** A destination in memory that fails as often as it is told to. */
class Memory implements AuditDelivery {
  readonly name = 'memory'
  readonly received: AuditEntry[] = []
  failures = 0
  largest = 0

  async deliver(entries: readonly AuditEntry[]): Promise<void> {
    this.largest = Math.max(this.largest, entries.length)
    if (this.failures > 0) {
      this.failures -= 1
      throw new Error('not now')
    }
    this.received.push(...entries)
  }

  async close(): Promise<void> {}

  get sequences(): number[] {
    return this.received.filter((one) => 'event' in one).map(({ sequence }) => sequence)
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

describe('forwarder', () => {
  it('delivers every row and checkpoint in order, a bounded batch at a time', async () => {
    const store = await newStore()
    const { signer } = newSigner()
    const [result] = await store.append(upTo(25).map((number) => entry(number)))
    await store.addCheckpoint(signCheckpoint(result!.head, 'now', signer))
    await store.append([entry(1, 'other')])
    const delivery = new Memory()
    const forwarder = startForwarder({ store, delivery, batchEntriesMax: 10 })
    await forwarder.settled()
    const acme = delivery.received.filter(({ chain }) => chain === 'acme')
    expect(acme.filter((one) => 'event' in one).map(({ sequence }) => sequence)).toEqual(upTo(25))
    expect(acme.filter((one) => !('event' in one))).toHaveLength(1)
    expect(delivery.received.filter(({ chain }) => chain === 'other')).toHaveLength(1)
    expect(delivery.largest).toBe(10)
    expect(forwarder.stats()).toEqual({ delivered: 27, failures: 0, chainsBehind: 0 })
  })

  it('repeats until the destination takes it, and drops nothing meanwhile', async () => {
    const store = await newStore()
    const delivery = new Memory()
    delivery.failures = 5
    const errors: unknown[] = []
    const forwarder = startForwarder({ store, delivery, onError: (error) => errors.push(error) })
    for (const number of upTo(20)) {
      const results = await store.append([entry(number)])
      forwarder.notify(results.map(({ head }) => head))
    }
    await forwarder.settled()
    expect(delivery.sequences).toEqual(upTo(20))
    expect(forwarder.stats().failures).toBe(5)
    expect(errors).toHaveLength(5)
  })

  it('goes on where it stopped', async () => {
    const store = await newStore()
    const delivery = new Memory()
    await store.append(upTo(5).map((number) => entry(number)))
    const first = new Forwarder({ store, delivery })
    await first.settled()
    await first.close()
    await store.append([entry(6)])
    await startForwarder({ store, delivery }).settled()
    expect(delivery.sequences).toEqual(upTo(6))
  })

  it('finds rows that other processes wrote', async () => {
    const store = await newStore()
    const delivery = new Memory()
    startForwarder({ store, delivery, pollIntervalMs: 10 })
    await store.append([entry(1)])
    await vi.waitFor(() => expect(delivery.sequences).toEqual([1]))
  })

  it('leaves the delivery to one of several processes, and takes over when that one is gone', async () => {
    const store = await newStore()
    const deliveries = [new Memory(), new Memory()]
    await store.append(upTo(50).map((number) => entry(number)))
    const options = { store, batchEntriesMax: 5, leaseMs: 200, pollIntervalMs: 20 }
    const first = startForwarder({ ...options, delivery: deliveries[0]! })
    await first.settled()
    const second = startForwarder({ ...options, delivery: deliveries[1]! })
    await second.settled()
    expect(deliveries.map(({ sequences }) => sequences.length)).toEqual([50, 0])
    // gone without a word: nobody says that the claim is over
    const hanging = Promise.withResolvers<void>()
    deliveries[0]!.deliver = () => hanging.promise
    await store.append(upTo(60).map((number) => entry(number)))
    await vi.waitFor(
      () => expect(deliveries[1]!.sequences).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]),
      10_000,
    )
    hanging.resolve()
  })

  it('lets another process go on at once after an orderly end', async () => {
    const store = await newStore()
    const [one, two] = [new Memory(), new Memory()]
    const first = new Forwarder({ store, delivery: one })
    await store.append([entry(1)])
    await first.settled()
    await first.close()
    await store.append([entry(2)])
    await startForwarder({ store, delivery: two }).settled()
    expect([one.sequences, two.sequences]).toEqual([[1], [2]])
  })
})

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function httpReceiver(
  answer: (attempt: number) => { status: number; body?: string },
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
      const { status, body } = answer(received.length)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}

describe('webhook', () => {
  it('signs body and timestamp so that the receiver can tell forgeries and replays', async () => {
    const { url, received } = await httpReceiver(() => ({ status: 204 }))
    const delivery = webhookDelivery({ name: 'hook', url, secret: SECRET, wallTimeMs: () => START_MS })
    onTestFinished(() => delivery.close())
    await delivery.deliver(chainOf(2))
    const { headers, body } = received[0]!
    const signed = {
      timestamp: headers['portcullis-timestamp'] as string,
      signature: headers['portcullis-signature'] as string,
    }
    const now = START_MS / 1000
    expect(webhookIsGenuine(SECRET, signed, body, now + 299)).toBe(true)
    expect(webhookIsGenuine(SECRET, signed, body, now + 301)).toBe(false)
    expect(webhookIsGenuine(SECRET, signed, `${body} `, now)).toBe(false)
    expect(webhookIsGenuine('t'.repeat(40), signed, body, now)).toBe(false)
    expect(webhookIsGenuine(SECRET, { ...signed, timestamp: String(now + 1) }, body, now)).toBe(false)
    expect(webhookIsGenuine(SECRET, { ...signed, signature: 'v1=' }, body, now)).toBe(false)
    expect(JSON.parse(body)).toEqual({ entries: chainOf(2) })
    expect(JSON.stringify(headers)).not.toContain(SECRET)
  })

  it.each([500, 429, 400, 302])('delivers again after %i', async (status) => {
    const store = await newStore()
    await store.append([entry(1)])
    const { url, received } = await httpReceiver((attempt) => ({ status: attempt < 3 ? status : 200 }))
    const delivery = webhookDelivery({ name: 'hook', url, secret: SECRET })
    await startForwarder({ store, delivery }).settled()
    expect(received).toHaveLength(3)
    expect(new Set(received.map(({ body }) => body)).size).toBe(1)
  })

  it('fails when the receiver does not answer in time', async () => {
    const server = createTcpServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const delivery = webhookDelivery({ name: 'hook', url: urlOf(server), secret: SECRET, timeoutMs: 50 })
    onTestFinished(async () => {
      await delivery.close()
      server.close()
    })
    await expect(delivery.deliver(chainOf(1))).rejects.toThrow('cannot be reached')
  })

  it('refuses addresses without TLS beyond this machine, and short secrets', () => {
    expect(() => webhookDelivery({ name: 'hook', url: 'http://example.com/', secret: SECRET })).toThrow(
      'https',
    )
    expect(() => webhookDelivery({ name: 'hook', url: 'https://example.com/', secret: 'short' })).toThrow(
      '32',
    )
  })
})

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

describe('OTLP', () => {
  it('sends log records in the shape of OTLP/HTTP JSON', async () => {
    const { url, received } = await httpReceiver(() => ({ status: 200, body: '{}' }))
    const delivery = otlpDelivery({ name: 'otlp', url })
    onTestFinished(() => delivery.close())
    const row = chainOf(1)[0]!
    await delivery.deliver([row])
    const { resourceLogs } = JSON.parse(received[0]!.body)
    expect(resourceLogs[0].resource.attributes).toEqual([
      { key: 'service.name', value: { stringValue: 'portcullis' } },
    ])
    const record = resourceLogs[0].scopeLogs[0].logRecords[0]
    expect(record).toMatchObject({
      timeUnixNano: `${START_MS + 1000}000000`,
      severityNumber: 9,
      severityText: 'INFO',
      eventName: 'tenant-key.created',
    })
    expect(JSON.parse(record.body.stringValue)).toEqual(row)
  })

  it('takes a partial success for a failure', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedLogRecords: '2', errorMessage: 'no' } })
    const { url } = await httpReceiver(() => ({ status: 200, body }))
    const delivery = otlpDelivery({ name: 'otlp', url })
    onTestFinished(() => delivery.close())
    await expect(delivery.deliver(chainOf(2))).rejects.toThrow('rejected 2')
  })
})

/** Collects what is sent, and reads octet-counted frames out of it. */
function collecting(server: Server): { frames: () => string[]; sockets: Set<Socket> } {
  let data = Buffer.alloc(0)
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('data', (chunk: Buffer) => {
      data = Buffer.concat([data, chunk])
    })
    socket.on('error', () => undefined)
  }
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', take)
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { frames: () => framesIn(data), sockets }
}

function framesIn(data: Buffer): string[] {
  const frames: string[] = []
  for (let offset = 0; offset < data.length;) {
    const space = data.indexOf(' ', offset)
    const length = Number(data.toString('ascii', offset, space))
    frames.push(data.toString('utf8', space + 1, space + 1 + length))
    offset = space + 1 + length
  }
  return frames
}

const RFC5424 = /^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) portcullis \d+ ([!-~]{1,32}) - \uFEFF(.*)$/s

describe('syslog', () => {
  it('sends RFC 5424 messages with octet counting over TCP', async () => {
    const server = createTcpServer()
    const { frames } = collecting(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const delivery = syslogDelivery({ name: 'syslog', host: '127.0.0.1', port })
    onTestFinished(() => delivery.close())
    const rows = chainOf(3)
    await delivery.deliver(rows.slice(0, 2))
    await delivery.deliver(rows.slice(2))
    await vi.waitFor(() => expect(frames()).toHaveLength(3))
    const [, priority, at, , messageId, message] = RFC5424.exec(frames()[0]!)!
    expect([priority, at, messageId]).toEqual(['110', rows[0]!.event.at, 'tenant-key.created'])
    expect(frames().map((frame) => JSON.parse(RFC5424.exec(frame)![5]!))).toEqual(rows)
    expect(JSON.parse(message!)).toEqual(rows[0])
  })

  it('connects anew after the receiver closed the connection', async () => {
    const server = createTcpServer()
    const { frames, sockets } = collecting(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const store = await newStore()
    const delivery = syslogDelivery({ name: 'syslog', host: '127.0.0.1', port })
    const forwarder = startForwarder({ store, delivery })
    await store.append([entry(1)])
    await forwarder.settled()
    await vi.waitFor(() => expect(frames()).toHaveLength(1))
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await store.append([entry(2)])
    await forwarder.settled()
    await vi.waitFor(() => expect(frames()).toHaveLength(2))
  })

  it.skipIf(!hasOpenssl)(
    'speaks TLS (skipped without openssl), and refuses a receiver whose certificate it does not trust',
    async () => {
      const { key, cert } = selfSigned()
      const server = createTlsServer({ key, cert })
      const { frames } = collecting(server)
      server.on('tlsClientError', () => undefined)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const trusted = syslogDelivery({
        name: 'tls',
        host: '127.0.0.1',
        port,
        tls: { caPem: cert, serverName: 'localhost' },
      })
      const untrusted = syslogDelivery({
        name: 'tls',
        host: '127.0.0.1',
        port,
        tls: { serverName: 'localhost' },
      })
      onTestFinished(() => trusted.close())
      await trusted.deliver(chainOf(1))
      await vi.waitFor(() => expect(frames()).toHaveLength(1))
      await expect(untrusted.deliver(chainOf(1))).rejects.toThrow('cannot be reached')
    },
  )

  it('fails when nobody listens', async () => {
    const delivery = syslogDelivery({ name: 'syslog', host: '127.0.0.1', port: 9 })
    await expect(delivery.deliver(chainOf(1))).rejects.toThrow('cannot be reached')
    await delivery.close()
  })
})

function selfSigned(): { key: string; cert: string } {
  const directory = temporaryDirectory()
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const parameters = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
  ]
  execFileSync('openssl', [...parameters, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
