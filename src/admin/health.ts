import type { FastifyPluginCallback } from 'fastify'

/** Whether the gateway can do its work, and if not, why. */
export interface Readiness {
  readonly ready: boolean
  /** Short words such as `starting`, `draining`, `registry-unusable`; empty when ready. */
  readonly reasons: readonly string[]
}

/** `/healthz`: the process answers; `/readyz`: it can do its work. Open to all, and saying nothing else. */
export function healthRoutes(readiness: () => Readiness): FastifyPluginCallback {
  return (server, _options, done) => {
    server.get('/healthz', { config: { open: true } }, async () => ({ status: 'alive' }))
    server.get('/readyz', { config: { open: true } }, async (_request, reply) => {
      const { ready, reasons } = readiness()
      if (ready) return { status: 'ready' }
      reply.code(503).header('Retry-After', '1')
      return { status: 'not-ready', reasons }
    })
    done()
  }
}
