import type { z } from 'zod'
import { byokRoutes } from './byok.ts'
import { credentialRoutes } from './credentials.ts'
import { generalRoutes } from './general.ts'
import { operationRoutes } from './operations.ts'
import { organizationRoutes } from './organizations.ts'
import type { ApiRoute } from './route.ts'
import { siteRoutes } from './sites.ts'

/** Every operation of the admin API by its identifier. */
export const CONTRACT = {
  ...generalRoutes,
  ...organizationRoutes,
  ...byokRoutes,
  ...siteRoutes,
  ...credentialRoutes,
  ...operationRoutes,
}

export type Contract = typeof CONTRACT
/** Identifier of an operation; the audit trail names it. */
export type OperationId = keyof Contract

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined

/** Query of an operation after validation. */
export type QueryOf<Id extends OperationId> = Contract[Id] extends { query: infer Schema }
  ? Parsed<Schema>
  : undefined
/** Body of an operation after validation. */
export type BodyOf<Id extends OperationId> = Contract[Id] extends { body: infer Schema }
  ? Parsed<Schema>
  : undefined
/** What an operation answers. */
export type ResponseOf<Id extends OperationId> = Contract[Id] extends { response: infer Schema }
  ? Parsed<Schema>
  : undefined

/** Operations and their rows, for code that treats all alike. */
export function operations(): [OperationId, ApiRoute][] {
  return Object.entries(CONTRACT) as [OperationId, ApiRoute][]
}
