import type { AccessProver } from '../../src/access/prover.ts'
import type { Clock } from '../../src/keyring/clock.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from '../../src/keyring/key-service.ts'

/** What one verification meets: it looks at the world after `latencyMs`, or gives no verdict. */
export interface ProofScript {
  readonly latencyMs: number
  readonly outcome: 'verdict' | 'unavailable' | 'hang' | 'defect'
}

/** What became known by a verification, and when. */
export interface Learnt {
  readonly kind: 'verified' | 'denied' | 'unavailable' | 'defect'
  readonly startedMs: number
  readonly atMs: number
}

export const DENIED = new KeyAccessDenied('key-disabled', 'eu-central-1', 'DisabledException', 'request-1')

/** An authority in a world where access can be withdrawn, and where verifications follow a script. */
export class ScriptedProver implements AccessProver {
  readonly clock: Clock
  readonly keys: string[] = ['key-1']
  readonly proofs: { keyId: string | undefined; startedMs: number }[] = []
  readonly learnt: Learnt[] = []
  /** Denied keys; `undefined` in the set denies all. */
  readonly deniedKeys = new Set<string | undefined>()
  script: () => ProofScript = () => ({ latencyMs: 10, outcome: 'verdict' })
  #turn = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Withdraws or restores access to everything. */
  set allowed(allowed: boolean) {
    if (allowed) this.deniedKeys.clear()
    else this.deniedKeys.add(undefined)
  }

  has(_authorityId: string, keyId: string): boolean {
    return this.keys.includes(keyId)
  }

  choose(_authorityId: string, preferred: string | undefined): string | undefined {
    return preferred ?? this.keys[this.#turn++ % this.keys.length]
  }

  prove(_authority: unknown, keyId: string | undefined): Promise<void> {
    const startedMs = this.clock.now()
    this.proofs.push({ keyId, startedMs })
    const { latencyMs, outcome } = this.script()
    return new Promise((resolve, reject) => {
      if (outcome === 'hang') return
      this.clock.setTimer(() => {
        const denied = this.deniedKeys.has(undefined) || this.deniedKeys.has(keyId)
        const kind = outcome === 'verdict' ? (denied ? 'denied' : 'verified') : outcome
        this.learnt.push({ kind, startedMs, atMs: this.clock.now() })
        if (kind === 'verified') resolve()
        else if (kind === 'denied') reject(DENIED)
        else if (kind === 'unavailable') reject(new KeyServiceUnavailable('scripted'))
        else reject(new Error('scripted defect'))
      }, latencyMs)
    })
  }
}
