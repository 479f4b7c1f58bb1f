import type { AccessProof, KeyVerdict, ProofDemand } from '../../src/access/proof.ts'
import type { AccessProver } from '../../src/access/prover.ts'
import type { Clock } from '../../src/keyring/clock.ts'
import type { KeyArea } from '../../src/keyring/key-area.ts'
import { KeyAccessDenied, KeyServiceUnavailable } from '../../src/keyring/key-service.ts'
import { DATA_CLASSES } from '../../src/tenant/tenant.ts'

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
/** A denial that may concern one key only. */
export const REFUSED = new KeyAccessDenied(
  'access-denied',
  'eu-central-1',
  'AccessDeniedException',
  'request-9',
)

/** An authority in a world where access can be withdrawn, and where verifications follow a script. */
export class ScriptedProver implements AccessProver {
  readonly clock: Clock
  /** Each key is of the data class at its position; a name `app/…` puts it into that app. */
  readonly keys: string[] = ['key-1']
  readonly proofs: { keyIds: readonly string[]; startedMs: number; demand: ProofDemand }[] = []
  readonly learnt: Learnt[] = []
  /** Denied keys; `undefined` in the set denies all. */
  readonly deniedKeys = new Set<string | undefined>()
  /** Keys that get no verdict. */
  readonly unansweredKeys = new Set<string>()
  /** With what `deniedKeys` are denied. */
  denial = DENIED
  script: (demand: ProofDemand) => ProofScript = () => ({ latencyMs: 10, outcome: 'verdict' })
  #turn = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Withdraws or restores access to everything. */
  set allowed(allowed: boolean) {
    if (allowed) this.deniedKeys.clear()
    else this.deniedKeys.add(undefined)
  }

  placeOf(_authorityId: string, keyId: string): Required<KeyArea> | undefined {
    const index = this.keys.indexOf(keyId)
    if (index < 0) return undefined
    const app = keyId.startsWith('confluence/') ? 'confluence' : 'jira'
    return { site: 'acme-one', app, dataClass: DATA_CLASSES[index]! }
  }

  prove(authority: { readonly id: string }, demand: ProofDemand): Promise<AccessProof> {
    const startedMs = demand.askedAtMs
    const keyIds = this.#keysFor(demand)
    this.proofs.push({ keyIds, startedMs, demand })
    const { latencyMs, outcome } = this.script(demand)
    demand.begun()
    return new Promise((resolve, reject) => {
      if (outcome === 'hang') return
      this.clock.setTimer(() => {
        const verdicts = keyIds.map((keyId): KeyVerdict => {
          const denied = this.deniedKeys.has(undefined) || this.deniedKeys.has(keyId)
          const place = this.placeOf(authority.id, keyId)!
          const unanswered = this.unansweredKeys.has(keyId)
            ? new KeyServiceUnavailable('scripted')
            : undefined
          return { keyId, ...place, failure: denied ? this.denial : unanswered }
        })
        const denied = verdicts.some(({ failure }) => failure === this.denial)
        const kind = outcome === 'verdict' ? (denied ? 'denied' : 'verified') : outcome
        this.learnt.push({ kind, startedMs, atMs: this.clock.now() })
        if (outcome === 'verdict') resolve({ startedAtMs: startedMs, verdicts, speaksForAll: false })
        else if (kind === 'unavailable') reject(new KeyServiceUnavailable('scripted'))
        else reject(new Error('scripted defect'))
      }, latencyMs)
    })
  }

  #keysFor({ purpose, inUse }: ProofDemand): readonly string[] {
    if (purpose === 'judge') return [...this.keys]
    const asked = inUse.filter((keyId) => this.keys.includes(keyId))
    return asked.length > 0 ? asked : [this.keys[this.#turn++ % this.keys.length]!]
  }
}
