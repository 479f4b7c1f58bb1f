import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { AccessControl } from '../access/access-control.ts'
import type { AccessOptions } from '../access/options.ts'
import type { AccessProver } from '../access/prover.ts'
import type { CutReport } from '../access/share.ts'
import type { FleetObserver } from '../fleet/observer.ts'
import { PostgresExchange } from '../fleet/postgres-exchange.ts'
import { SharedProver } from '../fleet/shared-prover.ts'
import type { Clock } from '../keyring/clock.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { RegistryDatabase } from '../registry/registry-database.ts'
import type { Settings } from './settings.ts'

/** Parts of the gateway that its membership of a fleet works with. */
export interface FleetParts {
  readonly settings: Settings
  readonly prover: AccessProver
  readonly keyring: Keyring
  readonly database: RegistryDatabase
  readonly clock: Clock
  readonly observe: FleetObserver
  /** Takes the evidence of cuts. */
  readonly cut: (report: CutReport) => void
  readonly onError: (error: unknown) => void
}

/** How this process proves access: for itself, or as one of a fleet that shares its proofs. */
export interface FleetMembership {
  /** What access control is built with. */
  readonly access: Pick<AccessOptions, 'prover' | 'share'>
  /** Undefined where there are no other replicas. */
  readonly reachable: (() => boolean) | undefined
  /** Lets other replicas speak to the access control of this process. */
  join(access: AccessControl): void
  close(): Promise<void>
}

/** Unique among the replicas and processes that run, and telling to whoever reads logs. */
export function replicaName(): string {
  return `${hostname().slice(0, 40)}-${process.pid}-${randomBytes(4).toString('hex')}`
}

/** Joins the fleet that the registry's PostgreSQL brings together; with SQLite a process is on its own. */
export async function joinFleet(replica: string, parts: FleetParts): Promise<FleetMembership> {
  const { settings, prover, keyring, database, clock, observe, cut, onError } = parts
  const { registryUrl } = settings.materials
  if (registryUrl === undefined) {
    const share = { leadMs: 0, suspensionChanged: () => undefined, cut }
    return {
      access: { prover, share },
      reachable: undefined,
      join: () => undefined,
      close: () => Promise.resolve(),
    }
  }
  const { boundMs: revocationBoundMs, idleAfterMs } = settings.configuration.revocation
  const exchange = await PostgresExchange.open({ url: registryUrl, replica, onError })
  const shared = new SharedProver({
    prover,
    exchange,
    clock,
    inUse: (authorityId, withinMs) => keyring.inUse(authorityId, withinMs),
    openSuspensions: () => database.openSuspensions(),
    revocationBoundMs,
    idleAfterMs,
    observe,
    cut,
  })
  return {
    access: { prover: shared, share: shared },
    reachable: () => exchange.reachable,
    join: (access) => shared.tell(access),
    close: async () => {
      shared.close()
      await exchange.close()
    },
  }
}
