import type { FastifyInstance, HTTPMethods } from 'fastify'

/** Which methods each registered path has, to tell an unknown path (404) from a wrong method (405). */
export class KnownRoutes {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string> }[] = []
  readonly #byUrl = new Map<string, Set<string>>()

  /** Learns every route that is registered from now on. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ url, method }) => this.#add(url, method))
  }

  /** The methods of a path; empty when there is no such path. */
  methodsOf(path: string): string[] {
    const methods = this.#routes
      .filter((route) => route.pattern.test(path))
      .flatMap((route) => [...route.methods])
    return [...new Set(methods)].toSorted()
  }

  #add(url: string, method: HTTPMethods | HTTPMethods[]): void {
    let methods = this.#byUrl.get(url)
    if (methods === undefined) {
      methods = new Set()
      this.#byUrl.set(url, methods)
      this.#routes.push({ pattern: patternOf(url), methods })
    }
    for (const name of [method].flat()) methods.add(name)
  }
}

function patternOf(url: string): RegExp {
  const segments = url.split('/').map((segment) => {
    if (segment.startsWith(':')) return '[^/]+'
    return segment === '*' ? '.*' : segment.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
  })
  return new RegExp(`^${segments.join('/')}$`)
}
