import { PortcullisError } from '../errors.ts'
import type { Suspension } from '../registry/suspension.ts'

/** What a 423 answer says about the suspension, besides its status (contract: Suspension-* headers and members). */
export type SuspensionRefusal = Pick<Suspension, 'id' | 'reason' | 'scope' | 'since'>

/** Refuses everything of a suspended tenant; becomes the 423 answer. */
export class TenantSuspended extends PortcullisError {
  readonly suspension: SuspensionRefusal

  constructor(suspension: SuspensionRefusal, retryAfterSeconds: number) {
    const { id, reason, scope, since } = suspension
    super('tenant-suspended', DETAILS[reason], {
      retryAfterSeconds,
      headers: {
        'Suspension-Reason': reason,
        'Suspension-Since': since,
        'Suspension-Scope': scope,
        'Suspension-Id': id,
      },
      members: { reason, since, scope, suspensionId: id },
    })
    this.name = 'TenantSuspended'
    this.suspension = { id, reason, scope, since }
  }
}

const DETAILS: Readonly<Record<Suspension['reason'], string>> = {
  'access-denied': 'The organization no longer allows access to its encryption key.',
  'key-disabled': "The organization's encryption key is disabled.",
  'key-pending-deletion': "The organization's encryption key is scheduled for deletion.",
  'key-not-found': "The organization's encryption key does not exist.",
  operator: 'An operator has suspended the organization.',
}
