import type { AccessControl } from '../access/access-control.ts'
import type { AccessOptions } from '../access/options.ts'
import type { AccessProver } from '../access/prover.ts'
import type { CutReport } from '../access/share.ts'
import type { FleetObserver } from '../fleet/observer.ts'
import { PostgresExchange } from '../fleet/postgres-exchange.ts'
import { ProcessExchange } from '../fleet/process-exchange.ts'
import type { ProcessLine } from '../fleet/process-line.ts'
import type { FleetExchange } from '../fleet/exchange.ts'
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
  /** The way to the other processes of this replica; undefined where it is one process. */
  readonly line: ProcessLine | undefined
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

/**
 * Joins the fleet that the registry's PostgreSQL brings together. With SQLite it consists of the processes of this
 * replica, if there are several.
 */
export async function joinFleet(replica: string, parts: FleetParts): Promise<FleetMembership> {
  const { settings, prover, keyring, database, clock, observe, cut } = parts
  const exchange = await openExchange(replica, parts)
  if (exchange === undefined) {
    const share = { leadMs: 0, suspensionChanged: () => undefined, cut }
    return {
      access: { prover, share },
      reachable: undefined,
      join: () => undefined,
      close: () => Promise.resolve(),
    }
  }
  const { boundMs: revocationBoundMs, idleAfterMs } = settings.configuration.revocation
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

async function openExchange(
  replica: string,
  { settings, line, onError }: FleetParts,
): Promise<FleetExchange | undefined> {
  const { registryUrl: url } = settings.materials
  if (url !== undefined) return await PostgresExchange.open({ url, replica, onError })
  return line && new ProcessExchange(replica, line)
}
