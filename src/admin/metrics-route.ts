import type { FastifyPluginCallback } from 'fastify'

/** The text that `/metrics` answers with. */
export interface MetricsText {
  readonly contentType: string
  readonly body: string
}

/** `/metrics` for Prometheus; behind authorization unless `open`. */
export function metricsRoute(read: () => Promise<MetricsText>, open: boolean): FastifyPluginCallback {
  return (server, _options, done) => {
    server.get('/metrics', { config: { open } }, async (_request, reply) => {
      const { contentType, body } = await read()
      reply.type(contentType)
      return body
    })
    done()
  }
}
