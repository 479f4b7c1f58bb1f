import { timestamp } from '../keyring/clock.ts'
import type { AccessContext } from './access-context.ts'

/** What keeps verifications from giving a verdict, audited as it changes. */
export class Outage {
  readonly #authorityId: string
  readonly #context: AccessContext
  #state: keyof typeof EVENTS = 'none'

  constructor(authorityId: string, context: AccessContext) {
    this.#authorityId = authorityId
    this.#context = context
  }

  get running(): boolean {
    return this.#state !== 'none'
  }

  become(state: keyof typeof EVENTS): void {
    if (this.#state === state) return
    this.#state = state
    const { audit, clock } = this.#context.options
    const at = timestamp(clock.wallTimeMs())
    audit.record({ type: EVENTS[state], at, authority: this.#authorityId })
  }
}

const EVENTS = {
  none: 'access.verified',
  running: 'access.unavailable',
  'grace-ended': 'access.grace-ended',
  defect: 'access.defect',
} as const
