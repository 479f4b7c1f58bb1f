import { AccessControl } from '../../src/access/access-control.ts'
import type { AccessOptions } from '../../src/access/options.ts'
import { KeyServiceProver } from '../../src/access/prover.ts'
import { SecureMemory } from '../../src/crypto/secure-memory.ts'
import type { Clock } from '../../src/keyring/clock.ts'
import { systemClock } from '../../src/keyring/clock.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { AwsKeyService } from '../../src/kms/aws-key-service.ts'
import type { KeyServiceCall } from '../../src/kms/call.ts'
import type { AwsEndpoints } from '../../src/kms/regional-clients.ts'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import type { Customer } from '../kms/customer.ts'
import { RecordingAudit } from '../kms/recording-audit.ts'

/** Everything between a request and AWS, put together as the gateway does. */
export interface GatewayParts {
  readonly clock: Clock
  readonly audit: RecordingAudit
  readonly registry: Registry
  readonly memory: SecureMemory
  readonly keyService: AwsKeyService
  readonly keyring: Keyring
  readonly access: AccessControl
  readonly calls: KeyServiceCall[]
  close(): Promise<void>
}

/** Builds the parts over a registry file; `options` are those of the access control, `endpoints` where AWS is. */
export async function startParts(
  customer: Customer,
  registryFile = ':memory:',
  options: Partial<AccessOptions> = {},
  endpoints: AwsEndpoints = customer.endpoints,
): Promise<GatewayParts> {
  const clock = systemClock()
  const audit = new RecordingAudit()
  const boundMs = options.revocationBoundMs ?? 5_000
  const calls: KeyServiceCall[] = []
  const registry = await Registry.load(new SqliteDatabase(registryFile))
  const memory = new SecureMemory()
  const keyService = new AwsKeyService({
    clock,
    audit,
    baseCredentials: customer.gatewayCredentials,
    endpoints,
    // Two attempts and more fit one verification; short ones fail on a machine that runs many tests at once.
    attemptTimeoutMs: Math.max(150, 0.1 * boundMs),
    verifyTimeoutMs: 0.38 * boundMs,
    observe: (call) => calls.push(call),
  })
  const keyring = new Keyring({ keyService, store: registry, memory, audit, clock })
  const prover = new KeyServiceProver({
    keyService,
    store: registry,
    keys: keyring,
    firstScope: () => ({ tenant: customer.tenant, dataClass: 'issue' }),
  })
  const access = new AccessControl({
    prover,
    keys: keyring,
    suspensions: registry,
    audit,
    clock,
    ...options,
  })
  return {
    clock,
    audit,
    registry,
    memory,
    keyService,
    keyring,
    access,
    calls,
    async close() {
      await access.close()
      keyring.clear()
      keyService.close()
      await registry.close()
    },
  }
}
