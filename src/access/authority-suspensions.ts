import { timestamp } from '../keyring/clock.ts'
import type { KeyArea } from '../keyring/key-area.ts'
import { isInArea } from '../keyring/key-area.ts'
import type { Suspension, SuspensionScope } from '../registry/suspension.ts'
import type { TenantApp } from '../tenant/tenant.ts'
import type { AccessContext } from './access-context.ts'
import type { Judgement } from './judgement.ts'
import type { AccessProof } from './proof.ts'
import { appScope, areaOf, dataClassScope } from './scope.ts'
import type { CutReport } from './share.ts'
import { emptyMap, withEntry, withoutEntries } from './sparse-map.ts'

/**
 * The open suspensions of one authority: by denial at most one per scope, and one by an operator. Every change is
 * audited and handed to the journal here, after the cut.
 */
export class AuthoritySuspensions {
  readonly #authorityId: string
  readonly #context: AccessContext
  #denials = emptyMap<SuspensionScope, Suspension>()
  #operator: Suspension | undefined
  /** Keys whose unwrap was denied and has not succeeded since, and the scopes they were denied in. */
  #deniedKeys = emptyMap<string, SuspensionScope>()
  /** What was cut for each open denial: it stands for another replica's that takes its place as well. */
  #cuts = emptyMap<SuspensionScope, CutReport>()

  constructor(authorityId: string, context: AccessContext, open: readonly Suspension[]) {
    this.#authorityId = authorityId
    this.#context = context
    for (const suspension of open) {
      if (suspension.reason === 'operator') this.#operator = suspension
      else this.#denials = withEntry(this.#denials, suspension.scope, suspension)
      if (suspension.keyId !== undefined) this.#keyDenied(suspension.keyId, suspension.scope)
    }
  }

  /** Every open one, the widest first. */
  get open(): readonly Suspension[] {
    const whole = this.whole
    const open = [...this.#denials.values(), ...(this.#operator === undefined ? [] : [this.#operator])]
    return whole === undefined ? open : [whole, ...open.filter((suspension) => suspension !== whole)]
  }

  /** The one of the whole organization that answers name: that which began first. */
  get whole(): Suspension | undefined {
    const denial = this.#denials.get('organization')
    if (denial === undefined || this.#operator === undefined) return denial ?? this.#operator
    return this.#operator.since <= denial.since ? this.#operator : denial
  }

  /** True while some denial stands, whatever its scope. */
  get denied(): boolean {
    return this.#denials.size > 0
  }

  get deniedWhole(): boolean {
    return this.#denials.has('organization')
  }

  get byOperator(): boolean {
    return this.#operator !== undefined
  }

  get operator(): Suspension | undefined {
    return this.#operator
  }

  /** What refuses every use of an app; without an app, what refuses any use of the authority. */
  refusing(app: Pick<TenantApp, 'site' | 'app'> | undefined): Suspension | undefined {
    if (this.#denials.size === 0) return this.#operator
    if (app === undefined) return this.open[0]
    return this.whole ?? this.#denials.get(appScope(app))
  }

  /** What refuses the use of one kind of content of an app. */
  covering(place: Required<KeyArea>): Suspension | undefined {
    return this.refusing(place) ?? this.#denials.get(dataClassScope(place))
  }

  ofScope(scope: SuspensionScope): Suspension | undefined {
    return this.#denials.get(scope)
  }

  /** Keys to be asked for before a denial is lifted: those denied, while the store still has them. */
  get deniedKeys(): readonly string[] {
    if (this.#deniedKeys.size === 0) return []
    const { prover } = this.#context.options
    this.#deniedKeys = withoutEntries(
      this.#deniedKeys,
      (keyId) => prover.placeOf(this.#authorityId, keyId) === undefined,
    )
    return [...this.#deniedKeys.keys()]
  }

  /** Takes in a denial: opens a suspension or updates its reason. The suspension when it opened one; then call `started`. */
  deny({ scope, denied, keyId }: Judgement): Suspension | undefined {
    if (keyId !== undefined) this.#keyDenied(keyId, scope)
    const { reason, region, awsError, awsRequestId } = denied
    const about = {
      reason,
      region,
      awsError,
      ...(awsRequestId === undefined ? {} : { awsRequestId }),
      ...(keyId === undefined ? {} : { keyId }),
    }
    const known = this.#denials.get(scope)
    if (known === undefined) {
      const opened = { ...this.#opened(scope), ...about }
      this.#denials = withEntry(this.#denials, scope, opened)
      return opened
    }
    if (known.reason !== reason) this.#change({ ...known, ...about })
    return undefined
  }

  /** Takes over another replica's denial, new or changed. The suspension when it opened one; then call `started`. */
  adopt(suspension: Suspension): Suspension | undefined {
    const { scope, keyId } = suspension
    const known = this.#denials.get(scope)
    if (keyId !== undefined) this.#keyDenied(keyId, scope)
    // Two replicas that found the same denial at once agree on one of their suspensions.
    if (known !== undefined && known.id < suspension.id) return undefined
    this.#denials = withEntry(this.#denials, scope, suspension)
    if (known !== undefined && known.id !== suspension.id) {
      this.#context.journal.write({ ...known, endedAt: timestamp(this.#context.options.clock.wallTimeMs()) })
      const report = this.#cuts.get(scope)
      if (report !== undefined) this.#context.options.share?.cut({ ...report, suspension })
    }
    return known === undefined ? suspension : undefined
  }

  /** Opens the operator's suspension, or another replica's. The suspension when there was none; then call `started`. */
  placeByOperator(by: string, placed?: Suspension): Suspension | undefined {
    if (this.#operator !== undefined) return undefined
    this.#operator = placed ?? { ...this.#opened('organization'), reason: 'operator', by }
    return this.#operator
  }

  /** Audits and persists a suspension just opened, once everything was cut. */
  started(report: CutReport, own: boolean): void {
    const { suspension } = report
    if (suspension.reason !== 'operator') this.#cuts = withEntry(this.#cuts, suspension.scope, report)
    this.#record('suspension.started', suspension, report)
    this.#context.options.share?.cut(report)
    if (!own) return
    this.#context.journal.write(suspension)
    this.#context.options.share?.suspensionChanged(suspension)
  }

  /**
   * Lifts what a proof shows to be allowed again and returns those scopes. A denial stays while a key in it did not
   * unwrap, unless a narrower judgement explains that, and while a wider one takes its place.
   */
  lift({ verdicts }: AccessProof, judgements: readonly Judgement[]): SuspensionScope[] {
    const judged = new Set(judgements.map(({ scope }) => scope))
    const areas = judgements.map(({ scope }) => areaOf(scope))
    const lifted = [...this.#denials.keys()].filter((scope) => {
      if (judged.has(scope)) return false
      const area = areaOf(scope)
      const widened = areas.some(
        (other) => other === undefined || (area !== undefined && covers(other, area)),
      )
      const unexplained = verdicts.some(
        (verdict) =>
          verdict.failure !== undefined &&
          isInArea(verdict, area) &&
          !areas.some((narrower) => isInArea(verdict, narrower)),
      )
      return !widened && !unexplained
    })
    for (const scope of lifted) this.#end(scope)
    return lifted
  }

  /**
   * Ends a denial that another replica has lifted; one that was found here of the same scope as well, since replicas out
   * of each other's reach open one each. Undefined when there is none.
   */
  adoptLift({ id, scope }: Suspension): SuspensionScope | undefined {
    const known = this.#denials.get(scope)
    if (known === undefined) return undefined
    this.#end(scope, known.id !== id)
    return scope
  }

  /** False when there was no operator's suspension. */
  liftByOperator(by: string, own = true): boolean {
    if (this.#operator === undefined) return false
    const operator = this.#operator
    this.#operator = undefined
    this.#ended({ ...operator, by }, own)
    return true
  }

  #keyDenied(keyId: string, scope: SuspensionScope): void {
    this.#deniedKeys = withEntry(this.#deniedKeys, keyId, scope)
  }

  #opened(scope: SuspensionScope): Pick<Suspension, 'id' | 'authorityId' | 'scope' | 'since'> {
    return {
      id: crypto.randomUUID(),
      authorityId: this.#authorityId,
      scope,
      since: timestamp(this.#context.options.clock.wallTimeMs()),
    }
  }

  #change(changed: Suspension): void {
    this.#denials = withEntry(this.#denials, changed.scope, changed)
    this.#record('suspension.changed', changed)
    this.#context.journal.write(changed)
    this.#context.options.share?.suspensionChanged(changed)
  }

  #end(scope: SuspensionScope, own = true): void {
    const denial = this.#denials.get(scope)!
    this.#denials = withoutEntries(this.#denials, (of) => of === scope)
    this.#cuts = withoutEntries(this.#cuts, (of) => of === scope)
    this.#deniedKeys = withoutEntries(this.#deniedKeys, (_, of) => of === scope)
    this.#ended(denial, own)
  }

  #ended(suspension: Suspension, own: boolean): void {
    const { clock, observe } = this.#context.options
    const wallMs = clock.wallTimeMs()
    const ended = { ...suspension, endedAt: timestamp(wallMs) }
    this.#record('suspension.ended', ended)
    if (own) {
      this.#context.journal.write(ended)
      this.#context.options.share?.suspensionChanged(ended)
    }
    observe?.resumed?.(this.#authorityId, suspension.reason, wallMs - Date.parse(suspension.since))
  }

  #record(
    type: 'suspension.started' | 'suspension.changed' | 'suspension.ended',
    suspension: Suspension,
    report?: CutReport,
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
      ...(report === undefined ? {} : { transfersCut: report.transfersCut }),
      ...(report?.lastAllowedAt === undefined ? {} : { lastAllowedAt: report.lastAllowedAt }),
    })
  }
}

/** True when everything in `inner` lies in `outer` and `outer` is wider. */
function covers(outer: KeyArea, inner: KeyArea): boolean {
  return (
    outer.site === inner.site &&
    outer.app === inner.app &&
    outer.dataClass === undefined &&
    inner.dataClass !== undefined
  )
}
