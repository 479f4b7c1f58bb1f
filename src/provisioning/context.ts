import type { AuditSink } from '../audit/sink.ts'
import { PortcullisError } from '../errors.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import type { AppType } from '../tenant/tenant.ts'
import type { Catalog } from './catalog.ts'
import type { DeclaredCredentials } from './declared-credentials.ts'
import { refusedBy, unknown } from './refusal.ts'

/** Who changes something, for the audit trail. */
export interface Actor {
  readonly name: string
}

/** What the services of provisioning work with. */
export interface ProvisioningContext {
  readonly controlPlane: ControlPlane
  readonly catalog: Catalog
  readonly declared: DeclaredCredentials
  readonly audit: AuditSink
  readonly wallTimeMs: () => number
}

/** RFC 3339 of now. */
export function now(context: ProvisioningContext): string {
  return new Date(context.wallTimeMs()).toISOString()
}

/** Puts a change that was made into the audit trail of its organization. */
export function recordChange(
  context: ProvisioningContext,
  actor: Actor,
  change: string,
  about: { readonly organization: string; readonly site?: string; readonly app?: AppType },
): void {
  context.audit.record({
    type: 'provisioning.changed',
    at: now(context),
    authority: about.organization,
    by: actor.name,
    change,
    ...about,
  })
}

/** Refuses to change what the configuration file manages. */
export function assertManagedHere(
  entry: { readonly managedBy: 'api' | 'file' } | undefined,
  what: string,
  id: string,
): void {
  if (entry?.managedBy !== 'file') return
  throw refusedBy(
    'managed-by-file',
    '',
    `${what} ${JSON.stringify(id)} is managed by the configuration file`,
    'Change it there and restart the gateway, or hand the organization over with managedBy: api',
  )
}

/** The organization, if the API may change it. */
export function changeableOrganization(
  context: ProvisioningContext,
  id: string,
): NonNullable<ReturnType<Catalog['organization']>> {
  const organization = context.catalog.organization(id)
  if (organization === undefined) throw unknown('organization', id)
  assertManagedHere(organization, 'organization', id)
  return organization
}

/** Refuses a change of something that is no longer what the caller saw. */
export function assertRevision(revision: number, expected: number | undefined): void {
  if (expected === undefined || revision === expected) return
  throw new PortcullisError(
    'precondition-failed',
    'It was changed since. Read it again, then repeat the change.',
  )
}
