import { z } from 'zod'
import { APP_TYPES } from '../../../tenant/tenant.ts'
import { LOCATIONS } from '../../../config/locations.ts'

/** A schema that the OpenAPI document shows under a name of its own. */
export function component<Schema extends z.ZodType>(id: string, description: string, schema: Schema): Schema {
  return schema.meta({ id, description })
}

/** RFC 3339, UTC, milliseconds. */
export const timestamp = z.string().meta({ format: 'date-time' })

/** A type of app. */
export const appType = z.enum(APP_TYPES)

/** Identifier of a location. */
export const locationId = z.enum(LOCATIONS.map(({ id }) => id) as [string, ...string[]])

/** A text that a rule of the domain judges, with better words than a pattern could; only its length is bounded here. */
export const ruledText = z.string().max(4096)

/** The name of a type of app; a rule says why another one is none. */
export const ruledAppType = ruledText.meta({ enum: [...APP_TYPES] })

/** Written so that every dialect of regular expressions that reads the OpenAPI document takes it alike. */
// oxlint-disable-next-line no-control-regex -- keeping them out is what it is for
const NO_CONTROLS = new RegExp('^[^\\u0000-\\u001f\\u007f-\\u009f]+$')

/** A name for people. */
export const displayName = z.string().min(1).max(256).regex(NO_CONTROLS)

/** A name of a credential: it stands for the credential in logs and audit. */
export const credentialName = z.string().min(1).max(64).regex(NO_CONTROLS)

export const managedBy = component(
  'ManagedBy',
  'Who manages it: this API, or the configuration file, whose entries the API only reads (409 otherwise).',
  z.enum(['api', 'file']),
)

const PAGE_ITEMS_DEFAULT = 50
const PAGE_ITEMS_MAX = 500

/** Query of a list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT),
  cursor: z.string().min(1).max(1024).optional().describe('`next` of the page before.'),
})

/** A page of a list; `next` is the cursor of the following page, null on the last. */
export function page<Item extends z.ZodType>(id: string, item: Item) {
  return component(
    id,
    'A page; `next` is the cursor of the following one.',
    z.object({ items: z.array(item), next: z.string().nullable() }),
  )
}

export const suspension = component(
  'Suspension',
  'A time in which every BYOK app of the organization answers 423.',
  z.object({
    id: z.string().describe('Value of the `Suspension-Id` header; the audit trail has it too.'),
    reason: z.enum(['access-denied', 'key-disabled', 'key-pending-deletion', 'key-not-found', 'operator']),
    scope: z.string().describe('`organization`, `app:<site>/<app>` or `data-class:<site>/<app>/<class>`.'),
    since: timestamp,
    endedAt: timestamp.nullable(),
    durationMs: z.number().nullable().describe('Null while it lasts.'),
    region: z.string().nullable().describe('Region whose key or endpoint denied.'),
    awsError: z.string().nullable(),
    awsRequestId: z.string().nullable().describe("Joins it with the customer's CloudTrail."),
    by: z.string().nullable().describe("Who placed or lifted an operator's suspension."),
  }),
)

export const accessState = component(
  'AccessState',
  'Whether the keys can be used: `grace` is served although AWS gives no verdict at present.',
  z.enum(['unverified', 'valid', 'grace', 'unavailable', 'suspended']),
)

export const access = component(
  'Access',
  'Access to the root keys, as the replica that answers knows it.',
  z.object({
    state: accessState,
    verifiedAt: timestamp.nullable().describe('Start of the last real unwrap that succeeded.'),
    leaseAgeMs: z.number().nullable().describe('Age of that proof.'),
    transfers: z.number().int().describe('Requests that run under the lease now.'),
    suspension: suspension.nullable(),
  }),
)
