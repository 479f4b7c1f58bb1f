import { z } from 'zod'
import { access, appType, component, managedBy, ruledText, timestamp } from './common.ts'
import { routes } from './route.ts'

const byokKey = component(
  'ByokKey',
  'The root key in one region.',
  z.object({
    region: z.string(),
    keyArn: z.string(),
    verifiedAt: timestamp.nullable().describe('Last unwrap with this key that this replica saw succeed.'),
  }),
)

export const byok = component(
  'Byok',
  'The one BYOK configuration of an organization.',
  z.object({
    organization: z.string(),
    accountId: z.string(),
    location: z.string(),
    roleArn: z.string(),
    externalId: z.string(),
    keys: z.array(byokKey).describe('One for each region of the location, primary first.'),
    managedBy,
    createdAt: timestamp.nullable(),
    replaceable: z
      .boolean()
      .describe('True until the first tenant key was wrapped under these keys; then PUT is refused.'),
    revocationBoundMs: z.number().describe('Longest time from a revocation to the cut-off on every replica.'),
    access,
  }),
)

const newByok = component(
  'NewByok',
  'What the customer made in their account; the ExternalId is given by the gateway.',
  z.strictObject({
    accountId: ruledText.describe('AWS account ID, 12 digits.'),
    roleArn: ruledText,
    keys: z
      .record(z.string().max(64), ruledText)
      .describe('KMS key ARN by region, one for every region of the location.'),
  }),
)

const planQuery = z.strictObject({
  accountId: ruledText.optional().describe('AWS account ID; needed until the BYOK configuration names one.'),
})

const plannedFile = z.object({
  fileName: z.string(),
  purpose: z.string(),
  region: z.string().nullable().describe('Region to apply it in; null where one file covers all.'),
  text: z.string(),
  commands: z.array(z.string()).describe('Shell commands that apply it, in order.'),
})

export const byokPlan = component(
  'ByokPlan',
  'What the customer applies in their AWS account. Making a plan changes nothing.',
  z.object({
    organization: z.string(),
    accountId: z.string(),
    location: z.string(),
    roleArn: z.string().describe('Role that the files make.'),
    externalId: z.string(),
    resources: z.array(z.object({ region: z.string().nullable(), what: z.string() })),
    permissions: z.array(
      z.object({
        policy: z.string(),
        sid: z.string(),
        actions: z.array(z.string()),
        why: z.string(),
        revoke: z.string(),
      }),
    ),
    steps: z.array(z.string()),
    notes: z.array(z.string()),
    cloudFormation: z.array(plannedFile).describe('Either these files …'),
    terraform: z.array(plannedFile).describe('… or these.'),
  }),
)

const impact = component(
  'RevocationImpact',
  'What would happen if access were withdrawn now.',
  z.object({
    stops: z.array(z.object({ site: z.string(), app: appType })).describe('Would answer 423.'),
    continues: z
      .array(z.object({ site: z.string(), app: appType }))
      .describe('Vendor-managed apps, which a revocation never touches.'),
    transfersCut: z.number().int().describe('Requests running now that would be cut, on this replica.'),
    withinMs: z.number().describe('Bound of the cut-off.'),
  }),
)

export const byokStatus = component(
  'ByokStatus',
  'Access as last verified, and what a revocation would stop.',
  z.object({ access, impact }),
)

const notificationSecretView = component(
  'NotificationSecret',
  'How EventBridge in the account of the customer proves that a notification comes from there.',
  z.object({
    endpoint: z.string().nullable().describe('Where notifications go; null when only the operator knows.'),
    header: z.string().describe('Name of the request header with the secret.'),
    secret: z.string().nullable().describe('Null when an answer is repeated for its Idempotency-Key.'),
  }),
)

export const verificationReport = component(
  'VerificationReport',
  'Every permission tried in every region. Nothing was changed.',
  z.object({
    ok: z.boolean(),
    at: timestamp,
    checks: z.array(
      z.object({
        id: z.string(),
        region: z.string(),
        title: z.string(),
        verdict: z.enum(['passed', 'failed', 'inconclusive', 'skipped']),
      }),
    ),
    findings: z.array(
      z.object({
        kind: z.enum(['missing', 'too-wide', 'denied', 'setting', 'inconclusive']),
        statements: z.array(z.object({ policy: z.string(), sid: z.string() })),
        region: z.string().nullable(),
        detail: z.string(),
        remedy: z.string(),
      }),
    ),
    notVerifiable: z.array(z.string()),
    impact,
  }),
)

/** Operations on the BYOK configuration. */
export const byokRoutes = routes({
  'byok.get': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/byok',
    tag: 'BYOK',
    summary: 'Get the BYOK configuration',
    access: 'read',
    response: byok,
    status: 200,
    etag: true,
  },
  'byok.put': {
    method: 'PUT',
    path: '/admin/v1/organizations/{organization}/byok',
    tag: 'BYOK',
    summary: 'Set the BYOK configuration',
    description:
      'An organization has at most one. It can be replaced until the first tenant key was wrapped under it, and never after.',
    access: 'manage',
    body: newByok,
    response: byok,
    status: 200,
    etag: true,
  },
  'byok.plan': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/byok/plan',
    tag: 'BYOK',
    summary: 'Make the CloudFormation and Terraform files for the AWS account of the customer',
    access: 'read',
    query: planQuery,
    response: byokPlan,
    status: 200,
  },
  'byok.notifications': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/byok/notification-secret',
    tag: 'BYOK',
    summary: 'Get the secret for instant notifications, which the customer enters as NotificationSecret',
    description:
      'The same each time; it changes for all organizations when the operator changes onboarding.notificationSecret.',
    access: 'manage',
    response: notificationSecretView,
    status: 200,
    secret: 'secret',
  },
  'byok.status': {
    method: 'GET',
    path: '/admin/v1/organizations/{organization}/byok/verification',
    tag: 'BYOK',
    summary: 'Show access as last verified and what would stop if it were revoked now',
    access: 'read',
    response: byokStatus,
    status: 200,
  },
  'byok.verify': {
    method: 'POST',
    path: '/admin/v1/organizations/{organization}/byok/verification',
    tag: 'BYOK',
    summary: 'Try every permission in every region now (a dry run: changes nothing)',
    description:
      'With `Accept: application/x-ndjson` a line `{"step": {region, done, regions}}` comes before each region, and `{"report": …}` last.',
    access: 'manage',
    response: verificationReport,
    status: 200,
    alternative: 'application/x-ndjson',
    costly: true,
  },
})
