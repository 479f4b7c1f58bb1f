import {
  count,
  duration,
  flag,
  noted,
  optionalSection,
  optionalText,
  section,
  size,
  text,
} from '../option.ts'
import { z } from 'zod'

/** A host to bind. */
export function bindHost(reason: string) {
  return noted(z.string().min(1).max(253).default('127.0.0.1'), {
    type: 'IP address or host name to bind',
    default: '127.0.0.1',
    reason,
  })
}

const certFile = text({
  charactersMax: 1024,
  type: 'path of a PEM file, relative to this file',
  example: 'tls/gateway.crt',
  reason: 'Certificate chain, leaf first.',
})

const keyFile = text({
  charactersMax: 1024,
  type: 'path of a PEM file, relative to this file',
  example: 'tls/gateway.key',
  reason: 'Private key of the certificate.',
})

const limits = section(
  {
    headerBytesMax: size({
      default: '32KiB',
      min: '4KiB',
      max: '1MiB',
      reason:
        'Request line and headers together. Presigned URLs and cookies fit; a flood of header bytes does not.',
    }),
    headersCountMax: count({ default: 200, min: 16, max: 2000, reason: 'Header fields of one request.' }),
    bodyBytesMax: size({
      default: '2GiB',
      min: '1KiB',
      max: '5120GiB',
      reason: 'Body of one request. Bodies are streamed, so this bounds what a store is sent and not memory.',
    }),
    bufferedBodyBytesMax: size({
      default: '1MiB',
      min: '0B',
      max: '64MiB',
      reason:
        'Bodies up to here are read whole and sent in one write, which costs least; longer ones are streamed.',
    }),
    bufferBudgetBytes: size({
      default: '256MiB',
      min: '1MiB',
      max: '64GiB',
      reason: 'Bytes of all buffered bodies together; beyond it requests get 503, so memory stays bounded.',
    }),
    valueBytesMax: size({
      default: '16MiB',
      min: '4KiB',
      max: '64MiB',
      reason:
        'One covered value of a JSON body, such as the text of a page. It is held whole while it is encrypted or decrypted, and counts in bufferBudgetBytes.',
    }),
    depthMax: count({
      default: 512,
      min: 16,
      max: 10_000,
      reason: 'Objects and arrays inside one another in a JSON body.',
    }),
    connectionsMax: count({
      default: 20_000,
      min: 1,
      max: 1_000_000,
      reason: 'Open connections of one process.',
    }),
    connectionsPerPeerMax: count({
      default: 2_000,
      min: 1,
      max: 1_000_000,
      reason:
        'Open connections of one peer address. Behind a load balancer the peer is the balancer, hence generous.',
    }),
    headersTimeoutMs: duration({
      default: '10s',
      min: '100ms',
      max: '5m',
      reason: 'Time a client has to send its headers; ends slow-header attacks.',
    }),
    idleTimeoutMs: duration({
      default: '60s',
      min: '100ms',
      max: '1h',
      reason:
        'Longest silence while a body is on its way. Silence and not total time, so long transfers are not cut.',
    }),
    keepAliveTimeoutMs: duration({
      default: '65s',
      min: '0ms',
      max: '1h',
      reason: 'How long an unused connection is kept; longer than the 60 s that load balancers keep theirs.',
    }),
    drainTimeoutMs: duration({
      default: '25s',
      min: '0ms',
      max: '1h',
      reason:
        'How long running requests may go on after SIGTERM; below the 30 s that orchestrators wait before SIGKILL.',
    }),
  },
  'Ceilings and deadlines of the data plane.',
)

/** The data-plane socket. */
export const listener = section(
  {
    host: bindHost('Loopback, so that plain HTTP never leaves the machine unless asked for.'),
    port: count({
      default: 8080,
      min: 0,
      max: 65_535,
      reason: 'Port of the data plane; 0 takes any free one.',
    }),
    tls: optionalSection(
      {
        certFile,
        keyFile,
        clientCaFile: optionalText({
          charactersMax: 1024,
          type: 'path of a PEM file, relative to this file',
          example: 'tls/clients-ca.crt',
          reason: 'Authorities whose client certificates are accepted (mutual TLS); see clientCertificates.',
        }),
      },
      'TLS of the data plane (1.2 or newer). Without it, put a TLS terminator on the same machine.',
    ),
    limits,
  },
  'Where app traffic comes in.',
)

/** TLS of the admin socket; the same keys without client certificates. */
export const adminTls = optionalSection({ certFile, keyFile }, 'TLS of the admin plane (1.2 or newer).')

/** Whether `/metrics` is open. */
export const metricsOpen = flag({
  default: false,
  reason:
    'Serves /metrics without a token. Metrics name stores, authorities and their states, so they are closed by default.',
})
