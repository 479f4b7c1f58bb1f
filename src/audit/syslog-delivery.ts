import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import { connect as connectTls } from 'node:tls'
import type { AuditEntry } from './entries.ts'
import type { AuditDelivery } from './forwarder.ts'
import { DeliveryFailed } from './http-post.ts'
import { entryLine } from './ndjson.ts'
import { severityOf, timeOf, typeOf } from './severity.ts'

/** RFC 5424 section 6.2.1: "log audit". */
const FACILITY_AUDIT = 13
const TIMEOUT_MS_DEFAULT = 10_000
const BYTE_ORDER_MARK = '\uFEFF'

/** Where a syslog receiver listens. */
export interface SyslogOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  /** Absent: plain TCP, for a receiver on the same machine. */
  readonly tls?: { readonly caPem?: string; readonly serverName?: string }
  /** Default 10 s. */
  readonly timeoutMs?: number
}

/**
 * Sends entries as RFC 5424 messages over TLS (RFC 5425) or TCP, framed by octet counting (RFC 6587 section 3.4.1).
 * Syslog acknowledges nothing: delivered means that the peer's TCP has the bytes or will get them, so a receiver
 * that dies may lose some; their sequence numbers show it.
 */
export function syslogDelivery(options: SyslogOptions): AuditDelivery {
  let socket: Socket | undefined
  const drop = (): void => {
    socket?.destroy()
    socket = undefined
  }
  return {
    name: options.name,
    async deliver(entries: readonly AuditEntry[]): Promise<void> {
      const data = Buffer.concat(entries.map((entry) => frame(syslogMessage(entry, hostname()))))
      try {
        if (socket === undefined || socket.destroyed || !socket.writable) socket = await connect(options)
        await send(socket, data)
      } catch (cause) {
        drop()
        throw new DeliveryFailed('the syslog receiver cannot be reached', { cause })
      }
    },
    async close(): Promise<void> {
      await new Promise<void>((resolve) => {
        if (socket === undefined || socket.destroyed) resolve()
        else socket.end(resolve)
      })
      drop()
    },
  }
}

/** An RFC 5424 message: the type as MSGID, the entry's canonical JSON as MSG. */
export function syslogMessage(entry: AuditEntry, hostName: string): string {
  const priority = FACILITY_AUDIT * 8 + severityOf(entry).syslog
  const host = printable(hostName, 255)
  const header = `<${priority}>1 ${printable(timeOf(entry), 64)} ${host} portcullis ${process.pid} ${printable(typeOf(entry), 32)}`
  return `${header} - ${BYTE_ORDER_MARK}${entryLine(entry)}`
}

function frame(message: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(message)} ${message}`)
}

/** PRINTUSASCII of RFC 5424; the nil value where nothing is left. */
function printable(text: string, charactersMax: number): string {
  return text.replace(/[^!-~]/g, '').slice(0, charactersMax) || '-'
}

function connect(options: SyslogOptions): Promise<Socket> {
  const { host, port, tls, timeoutMs = TIMEOUT_MS_DEFAULT } = options
  return new Promise((resolve, reject) => {
    const socket =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({
            host,
            port,
            minVersion: 'TLSv1.2',
            ...(tls.caPem !== undefined && { ca: tls.caPem }),
            ...(tls.serverName !== undefined && { servername: tls.serverName }),
          })
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(timeoutMs, () => fail(new Error('timed out')))
    socket.once('error', fail)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setTimeout(0)
      socket.removeListener('error', fail)
      // an idle connection that breaks is noticed at the next delivery
      socket.on('error', () => socket.destroy())
      socket.setKeepAlive(true, 30_000)
      socket.resume()
      socket.unref()
      resolve(socket)
    })
  })
}

function send(socket: Socket, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the connection was closed'))
    socket.once('close', onClose)
    socket.write(data, (error) => {
      socket.removeListener('close', onClose)
      if (error) reject(error)
      else resolve()
    })
  })
}
