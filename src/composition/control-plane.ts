import packageJson from '../../package.json' with { type: 'json' }
import type { AccessControl } from '../access/access-control.ts'
import { adminApi } from '../admin/api/plugin.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { KeyServiceCall } from '../kms/call.ts'
import type { Logger } from '../observability/logger.ts'
import { awsProbe } from '../onboarding/aws-probe.ts'
import type { AccessKeySecrets } from '../provisioning/access-key-secrets.ts'
import { AccessKeyService } from '../provisioning/access-keys.ts'
import { ByokService } from '../provisioning/byok.ts'
import { CredentialService } from '../provisioning/credentials.ts'
import { DeclaredCredentials } from '../provisioning/declared-credentials.ts'
import { OrganizationService } from '../provisioning/organizations.ts'
import { RotationService } from '../provisioning/rotations.ts'
import { SiteService } from '../provisioning/sites.ts'
import { SuspensionService } from '../provisioning/suspensions.ts'
import { tenantKeysOf } from '../provisioning/tenant-keys.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import type { CutConfirmations } from '../registry/cut-confirmations.ts'
import { IdempotencyStore } from '../registry/idempotency.ts'
import { JobStore } from '../registry/jobs.ts'
import type { Registry } from '../registry/registry.ts'
import type { SqlEngine } from '../registry/sql/engine.ts'
import type { AuditTrail } from './audit-trail.ts'
import { awsReach } from './key-service.ts'
import type { Settings } from './settings.ts'
import type { TenantDirectory } from './tenant-directory.ts'

/** Parts of the gateway that the control plane works with. */
export interface ControlPlaneParts {
  readonly settings: Settings
  readonly engine: SqlEngine
  readonly controlPlane: ControlPlane
  readonly tenants: TenantDirectory
  readonly registry: Registry
  readonly keyring: Keyring
  readonly accessKeySecrets: AccessKeySecrets
  readonly access: AccessControl
  readonly confirmations: CutConfirmations
  readonly trail: AuditTrail
  readonly proofs: RegionalProofs
  readonly logger: Logger
}

/** When keys were last seen to work, by authority and region. */
export class RegionalProofs {
  readonly #atByKey = new Map<string, string>()

  /** Takes in the outcome of a call to AWS. */
  observe({ authorityId, operation, region, outcome }: KeyServiceCall): void {
    if (operation === 'Decrypt' && outcome === 'succeeded') {
      this.#atByKey.set(`${authorityId} ${region}`, new Date().toISOString())
    }
  }

  verifiedAt(authorityId: string, region: string): string | undefined {
    return this.#atByKey.get(`${authorityId} ${region}`)
  }
}

/** The admin API over a running gateway, and what runs beside it. */
export function controlPlaneApi(parts: ControlPlaneParts) {
  const { settings, engine, controlPlane, tenants, registry, keyring, access, trail, proofs, logger } = parts
  const { configuration } = settings
  const { catalog, holder: directory } = tenants
  const wallTimeMs = Date.now
  const declared = new DeclaredCredentials(configuration, catalog)
  const context = { controlPlane, catalog, declared, audit: trail.log, wallTimeMs }
  const rotations = new RotationService({
    catalog,
    directory,
    keyring,
    admit: async (tenant) => access.admit(tenant),
    keys: registry,
    jobs: new JobStore(engine),
    wallTimeMs,
    onDefect: (error) => logger.error('a rotation of tenant keys stopped', { error }),
  })
  const plugin = adminApi({
    services: {
      catalog,
      organizations: new OrganizationService(context),
      byok: new ByokService({
        catalog,
        directory,
        access,
        keys: registry,
        onboarding: { ...configuration.onboarding, notificationKey: settings.materials.notificationSecret },
        revocationBoundMs: configuration.revocation.boundMs,
        openProbe: () => awsProbe(awsReach(settings)),
        verifiedAt: (authorityId, region) => proofs.verifiedAt(authorityId, region),
      }),
      sites: new SiteService(context),
      credentials: new CredentialService(context),
      accessKeys: new AccessKeyService(context, {
        directory,
        secrets: parts.accessKeySecrets,
        admit: async (app) => {
          await access.admit(app)
        },
        isServed: (app) => configuration.objectStores.some(({ apps }) => apps.includes(app)),
      }),
      suspensions: new SuspensionService({
        catalog,
        directory,
        access,
        store: registry,
        confirmations: parts.confirmations,
        signer: trail.signer,
        wallTimeMs,
      }),
      rotations,
      audit: trail.store,
      auditPublicKeys: () => trail.publicKeys(),
      auditCheckpoints: (chain) => trail.checkpointsElsewhere(chain),
      flushAudit: (gathered) => trail.flush(gathered),
      tenantKeys: (organization) => tenantKeysOf(organization, catalog, directory, registry),
      accessStatus: (authorityId) => access.status(authorityId),
      wallTimeMs,
    },
    idempotency: new IdempotencyStore(engine),
    audit: trail.log,
    recordable: () => trail.log.accepting,
    version: packageJson.version,
  })
  return { plugin, rotations }
}
