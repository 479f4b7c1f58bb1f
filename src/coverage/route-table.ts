import type { RouteMatch } from './coverage.ts'
import { splitPath } from './route-path.ts'

/** A step of a path template: a literal segment, or a parameter that matches any one segment. */
export type TemplateSegment = { readonly literal: string } | { readonly parameter: string }

interface Node {
  readonly literals: Map<string, Node>
  parameter: Node | undefined
  readonly rows: Map<string, RouteMatch>
}

const TEMPLATE_SEGMENTS_MAX = 32

/** Parses `/issue/{id}/comment`. Throws an `Error` for the file's author. */
export function parseTemplate(template: string): readonly TemplateSegment[] {
  if (!template.startsWith('/')) throw new Error('a path template starts with "/"')
  const segments = template === '/' ? [] : template.slice(1).split('/')
  if (segments.length > TEMPLATE_SEGMENTS_MAX)
    throw new Error(`a path has at most ${TEMPLATE_SEGMENTS_MAX} segments`)
  return segments.map((segment) => {
    const parameter = /^\{(\w+)\}$/.exec(segment)?.[1]
    if (parameter !== undefined) return { parameter }
    if (!/^[\w.~!$&'()*+,=:@-]+$/.test(segment) || segment === '.' || segment === '..') {
      throw new Error(`"${segment}" is neither a plain path segment nor a parameter such as {id}`)
    }
    return { literal: segment }
  })
}

/**
 * Routes by method and path. A literal segment is preferred over a parameter at the same place, so every path has
 * at most one row whatever the order of the rows.
 */
export class RouteTable {
  readonly #root: Node = newNode()

  /** Adds a row; returns false when that method and path have one already. */
  add(method: string, segments: readonly TemplateSegment[], row: RouteMatch): boolean {
    let node = this.#root
    for (const segment of segments) {
      if ('parameter' in segment) node = node.parameter ??= newNode()
      else {
        let next = node.literals.get(segment.literal)
        if (next === undefined) node.literals.set(segment.literal, (next = newNode()))
        node = next
      }
    }
    if (node.rows.has(method)) return false
    node.rows.set(method, row)
    return true
  }

  /** The row of a request, or undefined; throws as `splitPath` does. */
  match(method: string, rawPath: string): RouteMatch | undefined {
    return find(this.#root, splitPath(rawPath), 0, method)
  }
}

function newNode(): Node {
  return { literals: new Map(), parameter: undefined, rows: new Map() }
}

function find(
  node: Node,
  segments: readonly string[],
  index: number,
  method: string,
): RouteMatch | undefined {
  if (index === segments.length) return node.rows.get(method)
  const literal = node.literals.get(segments[index]!)
  const found = literal && find(literal, segments, index + 1, method)
  if (found !== undefined || node.parameter === undefined) return found
  return find(node.parameter, segments, index + 1, method)
}
