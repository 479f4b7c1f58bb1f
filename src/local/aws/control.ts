import type { IncomingMessage } from 'node:http'
import type { Fault } from './faults.ts'
import type { ServiceParts } from './service.ts'

/** Everything below this path steers the local AWS and is not AWS's own. */
export const CONTROL_PREFIX = '/_portcullis/'

/** An answer of the control endpoint. */
export interface ControlAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * `GET|POST|DELETE faults`, `DELETE faults/{id}`, `GET events?account=&eventName=&requestId=&limit=`,
 * `GET|DELETE counters`, `POST reset`. Loopback names only and JSON posts only, so that no web page can steer it.
 */
export async function control(
  parts: ServiceParts,
  request: IncomingMessage,
  body: Buffer,
  reset: () => Promise<void>,
): Promise<ControlAnswer> {
  if (!isLoopbackName(request.headers.host))
    return refused(403, 'the control endpoint answers on loopback only')
  const isJson = request.headers['content-type']?.split(';')[0] === 'application/json'
  if (request.method === 'POST' && !isJson) return refused(415, 'send content-type: application/json')
  const url = new URL(request.url ?? '/', 'http://localhost')
  const [resource = '', id] = url.pathname.slice(CONTROL_PREFIX.length).split('/')
  switch (`${request.method ?? ''} ${resource}`) {
    case 'GET faults':
      return { status: 200, body: { faults: parts.faults.list() } }
    case 'POST faults':
      return addFault(parts, body)
    case 'DELETE faults':
      return removeFault(parts, id)
    case 'GET events':
      return { status: 200, body: { Records: parts.events.list(eventFilter(url)) } }
    case 'GET counters':
      return { status: 200, body: { counters: parts.counters.rows() } }
    case 'DELETE counters':
      parts.counters.reset()
      return { status: 204, body: undefined }
    case 'POST reset':
      await reset()
      return { status: 204, body: undefined }
    default:
      return refused(404, 'no such control resource')
  }
}

function addFault(parts: ServiceParts, body: Buffer): ControlAnswer {
  try {
    const fault: unknown = JSON.parse(body.toString('utf8'))
    if (typeof fault !== 'object' || fault === null) throw new RangeError('a fault is an object')
    return { status: 201, body: { id: parts.faults.add(fault as Fault) } }
  } catch (error) {
    return refused(400, error instanceof RangeError ? error.message : 'body is not JSON')
  }
}

function removeFault(parts: ServiceParts, id: string | undefined): ControlAnswer {
  if (id === undefined || id === '') parts.faults.clear()
  else if (!parts.faults.remove(id)) return refused(404, 'no such fault')
  return { status: 204, body: undefined }
}

function eventFilter(url: URL): Record<string, string | number> {
  const filter: Record<string, string | number> = {}
  const names = { account: 'accountId', eventName: 'eventName', requestId: 'requestId' }
  for (const [parameter, member] of Object.entries(names)) {
    const value = url.searchParams.get(parameter)
    if (value !== null) filter[member] = value
  }
  const limit = Number(url.searchParams.get('limit') ?? '1000')
  filter['limit'] = Number.isInteger(limit) && limit > 0 ? Math.min(limit, 10_000) : 1000
  return filter
}

function isLoopbackName(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? '')
}

function refused(status: number, error: string): ControlAnswer {
  return { status, body: { error } }
}
