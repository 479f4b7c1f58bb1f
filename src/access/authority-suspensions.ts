import { timestamp } from '../keyring/clock.ts'
import type { KeyAccessDenied } from '../keyring/key-service.ts'
import type { Suspension } from '../registry/suspension.ts'
import type { AccessContext } from './access-context.ts'

/** What the start of a suspension did, for the audit trail. */
export interface CutEvidence {
  readonly transfersCut: number
  /** RFC 3339; undefined when nothing was ever allowed. */
  readonly lastAllowedAt: string | undefined
}

/**
 * The open suspensions of one authority: at most one by denial and one by an operator. Every change is audited and
 * handed to the journal here, after the cut.
 */
export class AuthoritySuspensions {
  readonly #authorityId: string
  readonly #context: AccessContext
  #denial: Suspension | undefined
  #operator: Suspension | undefined
  /** Keys whose unwrap was denied and has not succeeded since: while one is left, the denial stands. */
  readonly #deniedKeys = new Set<string>()

  constructor(authorityId: string, context: AccessContext, open: readonly Suspension[]) {
    this.#authorityId = authorityId
    this.#context = context
    this.#operator = open.find((suspension) => suspension.reason === 'operator')
    this.#denial = open.find((suspension) => suspension.reason !== 'operator')
    if (this.#denial?.keyId !== undefined) this.#deniedKeys.add(this.#denial.keyId)
  }

  /** The one that answers name: that which began first. */
  get current(): Suspension | undefined {
    if (this.#denial === undefined || this.#operator === undefined) return this.#denial ?? this.#operator
    return this.#operator.since <= this.#denial.since ? this.#operator : this.#denial
  }

  get denied(): boolean {
    return this.#denial !== undefined
  }

  get byOperator(): boolean {
    return this.#operator !== undefined
  }

  /** The key to prove access with next: one that was denied, while the store still has it. */
  get keyToProve(): string | undefined {
    for (const keyId of this.#deniedKeys) {
      if (this.#context.options.prover.has(this.#authorityId, keyId)) return keyId
      this.#deniedKeys.delete(keyId)
    }
    return undefined
  }

  /** Takes in a denial: opens a suspension or updates its reason. True when it opened one; then call `started`. */
  deny(denied: KeyAccessDenied, keyId: string | undefined): boolean {
    if (keyId !== undefined) this.#deniedKeys.add(keyId)
    const { reason, region, awsError, awsRequestId } = denied
    const about = {
      reason,
      region,
      awsError,
      ...(awsRequestId === undefined ? {} : { awsRequestId }),
      ...(keyId === undefined ? {} : { keyId }),
    }
    if (this.#denial === undefined) {
      this.#denial = { ...this.#opened(), ...about }
      return true
    }
    if (this.#denial.reason !== reason) {
      this.#denial = { ...this.#denial, ...about }
      this.#record('suspension.changed', this.#denial)
      this.#context.journal.write(this.#denial)
    }
    return false
  }

  /** Opens the operator's suspension. True when there was none; then call `started`. */
  placeByOperator(by: string): boolean {
    if (this.#operator !== undefined) return false
    this.#operator = { ...this.#opened(), reason: 'operator', by }
    return true
  }

  /** Audits and persists a suspension just opened, once everything was cut. */
  started(kind: 'denial' | 'operator', evidence: CutEvidence): Suspension {
    const suspension = (kind === 'denial' ? this.#denial : this.#operator)!
    this.#record('suspension.started', suspension, evidence)
    this.#context.journal.write(suspension)
    return suspension
  }

  /** Takes in that a key unwrapped. True when that ended the denial. */
  proven(keyId: string | undefined): boolean {
    if (keyId !== undefined) this.#deniedKeys.delete(keyId)
    if (this.#denial === undefined || this.keyToProve !== undefined) return false
    const denial = this.#denial
    this.#denial = undefined
    this.#end(denial)
    return true
  }

  /** False when there was no operator's suspension. */
  liftByOperator(by: string): boolean {
    if (this.#operator === undefined) return false
    const operator = this.#operator
    this.#operator = undefined
    this.#end({ ...operator, by })
    return true
  }

  #opened(): Pick<Suspension, 'id' | 'authorityId' | 'scope' | 'since'> {
    return {
      id: crypto.randomUUID(),
      authorityId: this.#authorityId,
      scope: 'organization',
      since: timestamp(this.#context.options.clock.wallTimeMs()),
    }
  }

  #end(suspension: Suspension): void {
    const { clock, observe } = this.#context.options
    const wallMs = clock.wallTimeMs()
    const ended = { ...suspension, endedAt: timestamp(wallMs) }
    this.#record('suspension.ended', ended)
    this.#context.journal.write(ended)
    observe?.resumed?.(this.#authorityId, suspension.reason, wallMs - Date.parse(suspension.since))
  }

  #record(
    type: 'suspension.started' | 'suspension.changed' | 'suspension.ended',
    suspension: Suspension,
    evidence?: CutEvidence,
  ): void {
    const { id, reason, since, scope, region, awsError, awsRequestId, by } = suspension
    this.#context.options.audit.record({
      type,
      at: timestamp(this.#context.options.clock.wallTimeMs()),
      authority: this.#authorityId,
      suspensionId: id,
      reason,
      since,
      scope,
      ...(region === undefined ? {} : { region }),
      ...(awsError === undefined ? {} : { awsError }),
      ...(awsRequestId === undefined ? {} : { awsRequestId }),
      ...(by === undefined ? {} : { by }),
      ...(evidence === undefined ? {} : { transfersCut: evidence.transfersCut }),
      ...(evidence?.lastAllowedAt === undefined ? {} : { lastAllowedAt: evidence.lastAllowedAt }),
    })
  }
}
