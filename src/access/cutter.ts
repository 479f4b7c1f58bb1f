import type { PortcullisError } from '../errors.ts'
import { timestamp } from '../keyring/clock.ts'
import type { Suspension, SuspensionScope } from '../registry/suspension.ts'
import type { AccessContext } from './access-context.ts'
import type { AuthoritySuspensions } from './authority-suspensions.ts'
import type { Schedule } from './schedule.ts'
import { areaOf } from './scope.ts'
import type { Tenures } from './tenures.ts'

const NEVER = Number.NEGATIVE_INFINITY

/** Takes away what a suspension takes from one authority, and gives it back. */
export class Cutter {
  readonly #authorityId: string
  readonly #context: AccessContext
  readonly #suspensions: AuthoritySuspensions
  readonly #tenures: Tenures
  readonly #schedule: Schedule

  constructor(
    authorityId: string,
    context: AccessContext,
    suspensions: AuthoritySuspensions,
    tenures: Tenures,
    schedule: Schedule,
  ) {
    this.#authorityId = authorityId
    this.#context = context
    this.#suspensions = suspensions
    this.#tenures = tenures
    this.#schedule = schedule
  }

  /** Takes everything of a scope away at once: the lease, the keys, the transfers. Only then come records. */
  cut(suspension: Suspension, own: boolean): void {
    const { clock, observe } = this.#context.options
    const refusal = this.#schedule.refusal(suspension)
    const { transfersCut, lastAllowedAtMs } = this.#tenures.end(areaOf(suspension.scope), refusal)
    const keysWiped = this.wipe(suspension)
    const wallMs = clock.wallTimeMs()
    const lastAllowedAgeMs = lastAllowedAtMs === NEVER ? undefined : clock.now() - lastAllowedAtMs
    const lastAllowedAt = lastAllowedAgeMs === undefined ? undefined : timestamp(wallMs - lastAllowedAgeMs)
    const wipedAt = timestamp(wallMs)
    const report = { suspension, lastAllowedAt, lastAllowedAgeMs, wipedAt, keysWiped, transfersCut }
    this.#suspensions.started(report, own)
    observe?.suspended?.(this.#authorityId, suspension.reason, transfersCut, lastAllowedAgeMs ?? 0)
  }

  /** Wipes and closes the keys of a scope; says how many there were. */
  wipe({ scope }: Suspension): number {
    const { keys } = this.#context.options
    const area = areaOf(scope)
    const refusal = (): PortcullisError =>
      this.#schedule.refusal(this.#suspensions.whole ?? this.#suspensions.ofScope(scope))
    return area === undefined
      ? keys.wipeAuthority(this.#authorityId, refusal)
      : keys.wipeArea(this.#authorityId, area, refusal)
  }

  /** Lets the keys of scopes that were lifted be used again, unless something else suspends them. */
  reopen(scopes: readonly SuspensionScope[]): void {
    const { keys } = this.#context.options
    for (const scope of scopes) {
      const area = areaOf(scope)
      if (area !== undefined) keys.reopenArea(this.#authorityId, area)
      else if (this.#suspensions.whole === undefined) keys.reopenAuthority(this.#authorityId)
    }
  }
}
