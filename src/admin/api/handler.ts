import type { z } from 'zod'
import type { AccessKeyService } from '../../provisioning/access-keys.ts'
import type { ByokService } from '../../provisioning/byok.ts'
import type { Catalog } from '../../provisioning/catalog.ts'
import type { CredentialService } from '../../provisioning/credentials.ts'
import type { OrganizationService } from '../../provisioning/organizations.ts'
import type { RotationService } from '../../provisioning/rotations.ts'
import type { SiteService } from '../../provisioning/sites.ts'
import type { SuspensionService } from '../../provisioning/suspensions.ts'
import type { TenantKeyView } from '../../provisioning/tenant-keys.ts'
import type { AccessStatus } from '../../access/access-control.ts'
import type { AuditStore } from '../../audit/audit-store.ts'
import type { SignedCheckpoint } from '../../audit/checkpoint.ts'
import type { Administrator } from '../authorization.ts'
import type { BodyOf, Contract, OperationId, QueryOf } from './contract/contract.ts'

/** What the handlers of the admin API work with. */
export interface ApiServices {
  readonly catalog: Catalog
  readonly organizations: OrganizationService
  readonly byok: ByokService
  readonly sites: SiteService
  readonly credentials: CredentialService
  readonly accessKeys: AccessKeyService
  readonly suspensions: SuspensionService
  readonly rotations: RotationService
  readonly audit: AuditStore
  /** Public keys (PEM) that sign checkpoints and anchors. */
  readonly auditPublicKeys: () => Promise<readonly string[]>
  /** Checkpoints of a chain that are kept outside the store. */
  readonly auditCheckpoints: (chain: string) => readonly SignedCheckpoint[]
  /** Makes everything that has happened so far readable; with `gathered` the open interval's proofs as well. */
  readonly flushAudit: (gathered: boolean) => Promise<void>
  readonly tenantKeys: (organization: string) => TenantKeyView[]
  readonly accessStatus: (authorityId: string) => AccessStatus | undefined
  readonly wallTimeMs: () => number
}

/** A validated call of one operation. */
export interface ApiCall<Id extends OperationId> {
  readonly services: ApiServices
  readonly administrator: Administrator
  /** Parts of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: QueryOf<Id>
  readonly body: BodyOf<Id>
  /** Revision that `If-Match` names. */
  readonly expectedRevision: number | undefined
  /** True when `Accept` asks for the operation's other media type. */
  readonly alternative: boolean
}

/** What a handler answers: the body, and the revision for the `ETag`. */
export interface ApiAnswer<Body> {
  readonly body: Body
  readonly revision?: number
}

/** The operation's other media type, in pieces. */
export interface ApiStream {
  readonly stream: AsyncIterable<string>
}

type BodyFor<Id extends OperationId> = Contract[Id] extends { response: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined

/** The handler of one operation. */
export type ApiHandler<Id extends OperationId> = (
  call: ApiCall<Id>,
) => ApiAnswer<BodyFor<Id>> | ApiStream | Promise<ApiAnswer<BodyFor<Id>> | ApiStream>

/** Handlers of some operations. */
export type ApiHandlers<Ids extends OperationId> = { readonly [Id in Ids]: ApiHandler<Id> }

/** Nothing to say. */
export const DONE: ApiAnswer<undefined> = { body: undefined }
