import { AccessControl } from '../../src/access/access-control.ts'
import type { Lease } from '../../src/access/lease.ts'
import type { AccessOptions } from '../../src/access/options.ts'
import type { DenialHandler } from '../../src/keyring/denial.ts'
import type { Suspension, SuspensionStore } from '../../src/registry/suspension.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'
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
  async admit(): Promise<Lease> {
    const admitted = Promise.resolve().then(() => this.access.admit(AUTHORITY))
    const state = { decided: false }
    const mark = (): void => {
      state.decided = true
    }
    admitted.then(mark, mark)
    for (let step = 0; step < 20_000 && !state.decided; step += 1) await this.clock.advance(5)
    return admitted
  }

  /** The refusal that an admission meets now, or undefined. */
  async refusal(): Promise<unknown> {
    try {
      await this.admit()
      return undefined
    } catch (thrown) {
      return thrown
    }
  }
}
