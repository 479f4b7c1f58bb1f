import { z } from 'zod'
import type { Clock } from '../../keyring/clock.ts'

/** What a rule of the customer's EventBridge posts (onboarding templates: `eventTemplate`). */
export const notification = z.object({
  organization: z.string().min(1).max(128),
  /** Identifier of the event, the same in every attempt to deliver it. */
  id: z.string().min(1).max(128),
  /** RFC 3339. */
  time: z.iso.datetime({ offset: true }),
  account: z.string().regex(/^\d{12}$/),
  region: z.string().min(1).max(64),
  /** Name of the AWS operation after which access may have changed. */
  call: z.string().min(1).max(128),
})

/** Age at which an event is too old to be news; EventBridge gives up on it after 5 minutes. */
const WINDOW_MS = 15 * 60_000
const EVENTS_MAX = 100_000

/** Tells events that were seen before, or that are from another time. */
export class SeenEvents {
  readonly #clock: Clock
  /** Oldest first; by the monotonic clock, so that a clock that is set does not bring one back. */
  readonly #seenAtMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes an event. `new` at most once for each identifier of an organization. */
  note(organization: string, id: string, time: string): 'new' | 'seen' | 'out-of-time' {
    if (Math.abs(this.#clock.wallTimeMs() - Date.parse(time)) > WINDOW_MS) return 'out-of-time'
    const now = this.#clock.now()
    for (const [oldest, atMs] of this.#seenAtMs) {
      if (now - atMs < 2 * WINDOW_MS && this.#seenAtMs.size < EVENTS_MAX) break
      this.#seenAtMs.delete(oldest)
    }
    const name = `${organization}\n${id}`
    if (this.#seenAtMs.has(name)) return 'seen'
    this.#seenAtMs.set(name, now)
    return 'new'
  }
}
