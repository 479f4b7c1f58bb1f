import { z } from 'zod'
import { revocationStatement } from '../../../audit/revocation-statement.ts'
import { DATA_CLASSES } from '../../../tenant/tenant.ts'
import { appType, component, page, pageQuery, suspension, timestamp } from './common.ts'
import { routes } from './route.ts'

export const tenantKey = component(
  'TenantKey',
  'A tenant key: wrapped under the root key of every region, never stored or shown in the clear.',
  z.object({
    keyId: z.string(),
    site: z.string(),
    app: appType,
    dataClass: z.enum(DATA_CLASSES),
    version: z.number().int(),
    encrypts: z.boolean().describe('The newest version encrypts; older ones still decrypt.'),
    authority: z.string().describe("The organization's id for BYOK, `vendor:<location>` otherwise."),
    regions: z.array(z.string()),
    createdAt: timestamp,
  }),
)

export const rotation = component(
  'Rotation',
  'New versions of all tenant keys of an organization. They encrypt from then on; older ones still decrypt.',
  z.object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'succeeded', 'failed']),
    keys: z.object({ total: z.number().int(), done: z.number().int() }),
    createdAt: timestamp,
    createdBy: z.string(),
    finishedAt: timestamp.nullable(),
    error: z.string().nullable().describe('Why it stopped, or why it waits for another try.'),
  }),
)

const newRotation = component(
  'NewRotation',
  'Which keys; all of the organization unless a site, an app or both are named.',
  z.strictObject({ site: z.string().max(63).optional(), app: appType.optional() }),
)

const instant = z.iso.datetime({ offset: true })

const auditQuery = z.strictObject({
  from: instant.optional().describe('Inclusive.'),
  to: instant.optional().describe('Exclusive.'),
  types: z.string().max(1024).optional().describe('Comma-separated event types.'),
  site: z.string().max(63).optional(),
  outcome: z.string().max(64).optional(),
  after: z.coerce.number().int().min(0).default(0).describe('Only rows with a higher sequence number.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
})

export const auditRow = component(
  'AuditRow',
  'One link of a hash chain; `hash` covers all other members.',
  z.object({
    chain: z.string(),
    sequence: z.number().int(),
    previousHash: z.string(),
    id: z.string(),
    event: z
      .looseObject({ type: z.string(), at: z.string(), authority: z.string() })
      .describe('Further members depend on `type`.'),
    hash: z.string(),
  }),
)

export const auditPage = component(
  'AuditPage',
  'Rows in order; `next` is `after` of the following page, null on the last.',
  z.object({ items: z.array(auditRow), next: z.number().int().nullable() }),
)

export const auditVerification = component(
  'AuditVerification',
  'Whether the rows are exactly what was appended.',
  z.object({
    ok: z.boolean(),
    chain: z.string(),
    rows: z.number().int(),
    firstSequence: z.number().int(),
    lastSequence: z.number().int(),
    checkpoints: z.number().int(),
    signedUpTo: z.number().int(),
    prunedUpTo: z
      .number()
      .int()
      .describe(
        'Rows up to here were removed under the retention, as a signed anchor says; 0 when none were.',
      ),
    problems: z.array(z.object({ kind: z.string(), sequence: z.number().int(), detail: z.string() })),
  }),
)

const auditKey = component(
  'AuditKey',
  'A key that signs checkpoints and anchors; keep a copy where nobody at the vendor can change it.',
  z.object({ keyId: z.string(), publicKeyPem: z.string() }),
)

const statement = component(
  'RevocationStatement',
  'What each replica confirmed about a suspension, signed (Ed25519) with the key of the audit trail.',
  revocationStatement,
)

const NDJSON = 'application/x-ndjson'

/** Operations on suspensions, tenant keys and the audit trail. */
export const operationRoutes = routes({
  'suspension.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/suspensions',
    tag: 'Suspensions',
    summary: 'List suspensions, newest first',
    access: 'read',
    query: pageQuery,
    response: page('SuspensionPage', suspension),
    status: 200,
  },
  'suspension.statement': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/suspensions/{suspension}/statement',
    tag: 'Suspensions',
    summary: 'Get the signed statement: which replicas confirmed the cut-off, and when',
    description:
      'Replicas that ran when the suspension began and have not confirmed are listed with `confirmed: false`.',
    access: 'read',
    response: statement,
    status: 200,
  },
  'suspension.place': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/suspensions',
    tag: 'Suspensions',
    summary: 'Suspend the BYOK apps of the organization until lifted',
    access: 'operate',
    response: suspension,
    status: 201,
  },
  'suspension.lift': {
    method: 'DELETE',
    path: '/admin/v1/organizations/{organization}/suspensions/{suspension}',
    tag: 'Suspensions',
    summary: "Lift an operator's suspension",
    description: 'One that AWS caused ends by itself when access returns and cannot be lifted.',
    access: 'operate',
    status: 204,
  },
  'key.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/keys',
    tag: 'Keys',
    summary: 'List tenant keys, oldest first',
    access: 'read',
    query: pageQuery,
    response: page('TenantKeyPage', tenantKey),
    status: 200,
  },
  'rotation.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/rotations',
    tag: 'Keys',
    summary: 'List rotations of tenant keys, newest first',
    access: 'read',
    query: pageQuery,
    response: page('RotationPage', rotation),
    status: 200,
  },
  'rotation.start': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/rotations',
    tag: 'Keys',
    summary: 'Make new versions of tenant keys',
    access: 'manage',
    body: newRotation,
    response: rotation,
    status: 202,
    costly: true,
  },
  'rotation.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/rotations/{rotation}',
    tag: 'Keys',
    summary: 'Get a rotation and its progress',
    access: 'read',
    response: rotation,
    status: 200,
  },
  'audit.list': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/audit',
    tag: 'Audit',
    summary: 'Read the audit trail of the organization',
    description: `With \`Accept: ${NDJSON}\` all rows that fit are streamed, without \`limit\`; unfiltered with their signed checkpoints.`,
    access: 'read',
    query: auditQuery,
    response: auditPage,
    status: 200,
    alternative: NDJSON,
  },
  'audit.verify': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/audit/verification',
    tag: 'Audit',
    summary: 'Prove the hash chain and its signed checkpoints',
    access: 'read',
    response: auditVerification,
    status: 200,
    costly: true,
  },
  'audit.keys': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/audit/keys',
    tag: 'Audit',
    summary: 'List the public keys that an export is verified with',
    access: 'read',
    query: pageQuery,
    response: page('AuditKeyPage', auditKey),
    status: 200,
  },
  'audit.list-chain': {
    method: 'GET',
    path: '/admin/v1/audit/{chain}',
    tag: 'Audit',
    summary:
      "Read another chain: `vendor:<location>` for the vendor's keys, `system:audit` for the trail itself",
    access: 'oversee',
    query: auditQuery,
    response: auditPage,
    status: 200,
    alternative: NDJSON,
  },
})
