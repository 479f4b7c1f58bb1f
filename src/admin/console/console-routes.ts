import { hash } from 'node:crypto'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { type Asset, loadAssets } from './assets.ts'
import { CONSOLE_POLICY, consolePage } from './page.ts'

/**
 * `/console` and its files, open to all: they hold nothing. What they show comes from the admin API with the
 * credentials of whoever looks. Each file is a route of its own, so no path ever reaches a file system.
 */
export function consoleRoutes(): FastifyPluginCallback {
  const assets = loadAssets()
  const body = Buffer.from(consolePage(assets))
  const page: Asset = {
    path: '',
    contentType: 'text/html; charset=utf-8',
    body,
    etag: `"${hash('sha256', body, 'base64url')}"`,
    integrity: '',
  }
  return (server, _options, done) => {
    const open = { config: { open: true } }
    server.get('/console', open, async (request, reply) => {
      reply.headers({
        'Content-Security-Policy': CONSOLE_POLICY,
        'Cross-Origin-Opener-Policy': 'same-origin',
      })
      return answer(page, request, reply)
    })
    // The page's addresses are relative to a path without the last slash.
    server.get('/console/', open, async (_request, reply) => reply.redirect('../console', 308))
    for (const asset of assets) {
      server.get(`/console/assets/${asset.path}`, open, async (request, reply) =>
        answer(asset, request, reply),
      )
    }
    done()
  }
}

/** Files keep their names across releases, so a browser asks each time whether its copy is the present one. */
function answer(asset: Asset, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ 'Cache-Control': 'no-cache', ETag: asset.etag })
  if (matches(request.headers['if-none-match'], asset.etag)) return reply.code(304).send()
  return reply.type(asset.contentType).send(asset.body)
}

/** RFC 9110, section 13.1.2: weak comparison. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()))
}
