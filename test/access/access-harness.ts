import { AccessControl } from '../../src/access/access-control.ts'
import type { Lease } from '../../src/access/lease.ts'
import type { AccessOptions } from '../../src/access/options.ts'
import type { DenialHandler } from '../../src/keyring/denial.ts'
import type { KeyArea } from '../../src/keyring/key-area.ts'
import type { Suspension, SuspensionStore } from '../../src/registry/suspension.ts'
import type { KeyAuthority, TenantApp } from '../../src/tenant/tenant.ts'
import { FakeClock } from '../keyring/fake-clock.ts'
import { RecordingAudit } from '../kms/recording-audit.ts'
import { ScriptedProver } from './scripted-prover.ts'

export const AUTHORITY: KeyAuthority = {
  id: 'acme',
  kind: 'byok',
  location: 'europe',
  accountId: '111122223333',
  roleArn: 'arn:aws:iam::111122223333:role/portcullis',
  externalId: 'acme-7f3a',
  keys: [{ region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1' }],
}

/** Suspensions in memory, with failures and delays on demand. */
export class MemorySuspensions implements SuspensionStore {
  readonly rows = new Map<string, Suspension>()
  failuresLeft = 0
  blocked: Promise<void> | undefined

  open(): readonly Suspension[] {
    return [...this.rows.values()].filter((row) => row.endedAt === undefined)
  }

  async history(): Promise<readonly Suspension[]> {
    return [...this.rows.values()]
  }

  async save(suspension: Suspension): Promise<void> {
    await this.blocked
    if (this.failuresLeft > 0) {
      this.failuresLeft -= 1
      throw new Error('the disk is full')
    }
    this.rows.set(suspension.id, suspension)
  }
}

export const nameOf = ({ site, app, dataClass }: KeyArea): string =>
  [site, app, ...(dataClass === undefined ? [] : [dataClass])].join('/')

/** Access control over a scripted world and a clock that the test moves. */
export class AccessHarness {
  readonly clock = new FakeClock()
  readonly prover = new ScriptedProver(this.clock)
  readonly audit = new RecordingAudit()
  readonly suspensions: MemorySuspensions
  readonly access: AccessControl
  /** Authorities whose keys were wiped and not reopened. */
  readonly wiped = new Map<string, () => Error>()
  denials: DenialHandler | undefined
  /** Apps and data classes whose keys were wiped and not reopened, as scopes. */
  readonly wipedAreas = new Map<string, () => Error>()
  /** Keys that count as in use in this process. */
  inUse: string[] = []
  /** Keys of the newest proof. */
  proven: string[] = []

  constructor(options: Partial<AccessOptions> = {}, suspensions = new MemorySuspensions()) {
    this.suspensions = suspensions
    this.access = new AccessControl({
      prover: this.prover,
      keys: {
        wipeAuthority: (authorityId, refusal) => {
          this.wiped.set(authorityId, refusal)
          return 1
        },
        reopenAuthority: (authorityId) => void this.wiped.delete(authorityId),
        wipeArea: (_authorityId, area, refusal) => {
          this.wipedAreas.set(nameOf(area), refusal)
          return 1
        },
        reopenArea: (_authorityId, area) => void this.wipedAreas.delete(nameOf(area)),
        inUse: () => this.inUse,
        proven: (_authorityId, _startedAtMs, isProven) => {
          this.proven = this.prover.keys.filter((keyId) => isProven(keyId))
        },
        reportDenialsTo: (handler) => {
          this.denials = handler
        },
      },
      suspensions,
      audit: this.audit,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    })
  }

  /** Admits and lets time pass until that is decided. */
  async admit(subject: KeyAuthority | TenantApp = AUTHORITY): Promise<Lease> {
    const admitted = Promise.resolve().then(() => this.access.admit(subject))
    const state = { decided: false }
    const mark = (): void => {
      state.decided = true
    }
    admitted.then(mark, mark)
    for (let step = 0; step < 20_000 && !state.decided; step += 1) await this.clock.advance(5)
    return admitted
  }

  /** The refusal that an admission meets now, or undefined. */
  async refusal(subject: KeyAuthority | TenantApp = AUTHORITY): Promise<unknown> {
    try {
      await this.admit(subject)
      return undefined
    } catch (thrown) {
      return thrown
    }
  }
}
