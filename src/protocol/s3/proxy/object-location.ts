import { encodeText } from '../uri-encoding.ts'
import type { ObjectExchange } from './object-exchange.ts'

/** Address of the object of a request, path style. */
export function locationOf(context: ObjectExchange): string {
  return `http://${context.exchange.head.host ?? ''}/${context.bucket}/${encodeText(context.key, true)}`
}
