import type { FieldRule } from './field-rule.ts'
import type { PathState } from './path-state.ts'

/**
 * What happens on a route.
 *
 * - `transform`: bodies are sealed on the way to the store and opened on the way back, as the two plans say
 * - `pass`: nothing on this route is covered; bodies go through as they are
 * - `refuse`: 403 `route-not-covered`, whatever the configuration says about unknown routes
 * - `upgrade`: the request may change protocol (WebSocket); otherwise as `pass`
 */
type RouteAction = 'transform' | 'pass' | 'refuse' | 'upgrade'

/**
 * How one direction of a route carries covered content.
 *
 * - `none`: a body is not expected; a request body is refused, a response body passes
 * - `clear`: the body holds nothing that is covered and passes as it is
 * - `json`: one JSON document, `state` at its top
 * - `ndjson`: one JSON document per line, `state` at the top of each
 * - `patch`: a change of a document, `state` at the document's top: as `application/merge-patch+json` (RFC 7396,
 *   also when sent as plain JSON) a literal null is a deletion and stays; as `application/json-patch+json`
 *   (RFC 6902) each operation's value is judged by `stateAtPointer` of its path
 */
export interface BodyPlan {
  readonly shape: 'none' | 'clear' | 'json' | 'ndjson' | 'patch'
  readonly state: PathState
}

/** A query parameter whose value is compared with a searchable field, and so has to be sealed the same way. */
export interface QueryRule {
  /** Name of the parameter, decoded. */
  readonly name: string
  /** Innermost member name of the field, as it enters the field's associated data. */
  readonly fieldName: string
  /** Always of mode `searchable`; what is sealed is the parameter's decoded value as a JSON string token. */
  readonly rule: FieldRule
}

/** Ceilings of one route, below those of the gateway. */
interface RouteLimits {
  readonly requestBytesMax: number | undefined
  readonly responseBytesMax: number | undefined
}

/** One row of a coverage's route table. */
export interface RouteMatch {
  /** Path template with parameter names, for logs and metrics: never holds what a caller sent. */
  readonly template: string
  readonly action: RouteAction
  readonly request: BodyPlan
  readonly response: BodyPlan
  readonly query: readonly QueryRule[]
  readonly limits: RouteLimits
}

/** A compiled coverage: which routes exist and which values on them are covered. Immutable. */
export interface Coverage {
  readonly name: string
  /**
   * The row for a request, or undefined where no row covers it. `rawPath` is the path below the store's mount as
   * received, starting with `/`, without the query. Throws `PortcullisError` `request-malformed` for a path that
   * a store might read differently than this table does; such a path must never reach a store.
   */
  matchRoute(method: string, rawPath: string): RouteMatch | undefined
  /** Initial state of an entity by its name in the coverage file, for jobs that know what they read. */
  entityState(name: string): PathState | undefined
}
