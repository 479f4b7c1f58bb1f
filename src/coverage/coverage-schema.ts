import { z } from 'zod'
import { noted } from '../config/option.ts'
import type { DataClass } from '../tenant/tenant.ts'

/** Classes of content that JSON documents carry; attachments and search data have protocols of their own. */
const DOCUMENT_CLASSES = [
  'issue',
  'page',
  'comment',
  'board',
  'notification',
  'permission',
  'asset',
  'question',
  'whiteboard',
] as const satisfies readonly DataClass[]

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const NAME_CHARACTERS_MAX = 128
const RULES_MAX = 1_000
const PATTERNS_MAX = 500
const ROUTES_MAX = 5_000

const name = noted(
  z
    .string()
    .regex(/^[A-Za-z][\w-]*$/)
    .max(NAME_CHARACTERS_MAX),
  {
    type: 'a name of letters, digits, hyphens and underscores',
    reason: 'Names an entity.',
  },
)

const dataClass = noted(z.enum(DOCUMENT_CLASSES), {
  type: `one of ${DOCUMENT_CLASSES.join(', ')}`,
  reason: 'Which tenant key seals the values; part of the encryption context.',
})

const fieldName = noted(z.string().min(1).max(NAME_CHARACTERS_MAX).optional(), {
  type: 'name of a member',
  reason: 'Where a store moves the value to a member of another name, that name.',
})

const pattern = noted(z.string().min(1), {
  type: 'a path such as fields.customfield_* or issues[].fields.summary',
  reason: 'Names values, and everything below them.',
})

const patterns = noted(z.union([pattern, z.array(pattern).min(1).max(PATTERNS_MAX)]), {
  type: 'a path, or a list of paths',
  reason: 'Names values, and everything below them.',
})

const rule = noted(
  z.union(
    [
      z.strictObject({ clear: patterns }),
      z.strictObject({ open: patterns }),
      z.strictObject({ encrypt: patterns, dataClass: dataClass.optional(), fieldName }),
      z.strictObject({ searchable: patterns, dataClass: dataClass.optional(), fieldName }),
      z.strictObject({ include: name, at: pattern }),
    ],
    { error: 'rule' },
  ),
  {
    type: 'one of clear, open, encrypt, searchable with paths (the last two may add dataClass and fieldName), or include with at',
    reason: 'The last rule that names a value or an ancestor of it decides.',
  },
)

const entity = z.strictObject({
  dataClass: dataClass.optional(),
  rules: noted(z.array(rule).max(RULES_MAX).default([]), {
    type: 'list of rules',
    reason: 'What stays clear.',
  }),
})

const body = noted(
  z.union([
    z.enum(['none', 'clear']),
    z.strictObject({
      entity: name,
      shape: z.enum(['json', 'ndjson', 'patch']).optional(),
      at: pattern.optional(),
      clear: z.array(z.string().min(1).max(NAME_CHARACTERS_MAX)).max(PATTERNS_MAX).optional(),
    }),
  ]),
  {
    type: 'none, clear, or a section with entity and, if needed, shape (json, ndjson, patch), at and clear',
    reason: 'Where covered content is in a body.',
  },
)

const bytes = noted(z.int().min(1).optional(), {
  type: 'whole number of bytes',
  reason: 'Ceiling of this route.',
})

const template = noted(z.string().min(1).max(1_024), {
  type: 'a path such as /issue/{id}',
  reason: 'Matches requests below the mount; {…} stands for one segment.',
})

const route = z.strictObject({
  methods: noted(z.array(z.enum(METHODS)).min(1), {
    type: `list of ${METHODS.join(', ')}`,
    reason: 'What is covered.',
  }),
  paths: noted(z.union([template, z.array(template).min(1).max(ROUTES_MAX)]), {
    type: 'a path such as /issue/{id}, or a list of them',
    reason: 'Where.',
  }),
  action: noted(z.enum(['transform', 'pass', 'refuse', 'upgrade']).default('transform'), {
    type: 'transform, pass, refuse or upgrade',
    reason: 'What happens there.',
  }),
  request: body.optional(),
  response: body.optional(),
  query: z
    .array(z.strictObject({ name: z.string().min(1).max(NAME_CHARACTERS_MAX), field: pattern }))
    .optional(),
  limits: z.strictObject({ requestBytesMax: bytes, responseBytesMax: bytes }).optional(),
})

/** A coverage file; see config/coverage/README.md. Unknown keys are refused. */
export const coverageSchema = z.strictObject({
  extends: noted(z.enum(['jira', 'jira-service-management', 'confluence']).optional(), {
    type: 'jira, jira-service-management or confluence',
    reason:
      'Starts from a preset: rules of an entity of the same name are appended, rows for the same path replaced.',
  }),
  entities: noted(z.record(name, entity).default({}), {
    type: 'section of entities by name',
    reason: 'What is covered.',
  }),
  routes: noted(z.array(route).max(ROUTES_MAX).default([]), {
    type: 'list of routes',
    reason: 'Where it travels.',
  }),
})

/** A coverage file's content, checked by itself but not yet against the preset it extends. */
export type CoverageData = z.infer<typeof coverageSchema>
export type RuleData = CoverageData['entities'][string]['rules'][number]
export type RouteData = CoverageData['routes'][number]
export type BodyData = NonNullable<RouteData['request']>
