import type { Exchange } from '../listener/exchange.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { requestLine } from '../observability/request-line.ts'

/** Counts and logs a finished exchange. */
export function recordExchange(exchange: Exchange, logger: Logger, metrics: Metrics): void {
  const status = exchange.response.statusCode
  const durationMs = performance.now() - exchange.startedAt
  const measured = {
    store: exchange.store,
    route: exchange.route,
    method: exchange.method,
    status,
    durationMs,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    errorCode: exchange.error?.code,
  }
  metrics.request(measured)
  // 503 is how the gateway says that something else is unwell, and that is logged where it is known.
  const level = status >= 500 && status !== 503 ? 'error' : 'info'
  if (!logger.enabled(level)) return
  const line = requestLine({
    ...measured,
    requestId: exchange.id,
    target: exchange.path,
    site: exchange.tenant,
    app: exchange.app,
    caller: exchange.caller,
    ...(exchange.error?.cause === undefined ? {} : { error: exchange.error.cause }),
  })
  logger[level]('request', line)
}
