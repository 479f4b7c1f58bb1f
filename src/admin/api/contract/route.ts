import type { z } from 'zod'

/**
 * Who may call a route. `self`: anyone with credentials; `read`: every role; `manage`: operators and organization
 * administrators; `operate`: operators only; `oversee`: operators and auditors of the vendor, never someone bound
 * to one organization. Routes of an organization are 404 for those bound to another.
 */
export type ApiAccess = 'self' | 'read' | 'manage' | 'operate' | 'oversee'

/** One operation of the admin API: the documentation, the validation and the handlers are all made from it. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with OpenAPI parameters, such as `/admin/v1/organizations/{organization}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  /** What else a caller should know. */
  readonly description?: string
  readonly access: ApiAccess
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Absent for 204. */
  readonly response?: z.ZodType
  /** Status of success. */
  readonly status: 200 | 201 | 202 | 204
  /** Member of the answer that is shown once and never kept. */
  readonly secret?: string
  /** Gives an `ETag`, which changes take as `If-Match`. */
  readonly etag?: boolean
  /** A further media type that `Accept` can ask for. */
  readonly alternative?: string
  /** Costs calls to AWS: far fewer of these are allowed per minute. */
  readonly costly?: boolean
}

/** Keeps the exact types of a table of routes while checking its rows. */
export function routes<const Table extends Record<string, ApiRoute>>(table: Table): Table {
  return table
}
