import { PortcullisError } from '../errors.ts'
import type { ApiAccess } from './api/contract/route.ts'
import type { Administrator, AdminRole } from './authorization.ts'

const ROLES: Readonly<Record<ApiAccess, readonly AdminRole[]>> = {
  self: ['operator', 'auditor', 'org-admin'],
  read: ['operator', 'auditor', 'org-admin'],
  manage: ['operator', 'org-admin'],
  operate: ['operator'],
  oversee: ['operator', 'auditor'],
}

/** Access that may reach beyond one organization. */
const UNBOUND: ReadonlySet<ApiAccess> = new Set(['operate', 'oversee'])

/**
 * Throws unless an administrator may use a route; `organization` is the one that its path names. For those bound to
 * an organization every other does not exist, which is said before what their role lacks.
 */
export function assertPermitted(
  administrator: Administrator,
  access: ApiAccess,
  organization: string | undefined,
): void {
  const bound = administrator.organization
  if (bound !== undefined && organization !== undefined && organization !== bound) {
    throw new PortcullisError(
      'resource-unknown',
      `There is no organization ${JSON.stringify(organization.slice(0, 128))}.`,
    )
  }
  if (ROLES[access].includes(administrator.role) && (bound === undefined || !UNBOUND.has(access))) return
  const who = bound === undefined ? 'The role' : `The role, bound to organization ${JSON.stringify(bound)},`
  throw new PortcullisError('credentials-refused', `${who} ${administrator.role} may not do this.`)
}
