import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyPluginCallback } from 'fastify'
import { PortcullisError } from '../../errors.ts'
import type { Clock } from '../../keyring/clock.ts'
import type { KeyAuthority } from '../../tenant/tenant.ts'
import { NOTIFICATION_PATH, NOTIFICATION_SECRET_HEADER } from '../../onboarding/notification.ts'
import { notification, SeenEvents } from './notification.ts'

const SECRET_HEADER = NOTIFICATION_SECRET_HEADER.toLowerCase()

/** How a notification was taken; for metrics. */
export type NotificationOutcome = 'verified' | 'seen' | 'out-of-time' | 'refused'

/** Collaborators of the notification route. */
export interface NotificationRouteOptions {
  readonly clock: Clock
  /** The authority of an organization with its own key; undefined when there is none. */
  readonly authorityOf: (organization: string) => KeyAuthority | undefined
  /** Secret of an organization's notifications, at least 32 characters; undefined when it has none. */
  readonly secretOf: (organization: string) => string | undefined
  /** Verifies access now; `AccessControl.verifyNow`. */
  readonly verifyNow: (authority: KeyAuthority) => Promise<unknown>
  /** Called once per notification that named an organization; `durationMs` until its verification ended. */
  readonly observe?: (outcome: NotificationOutcome, durationMs: number) => void
}

const BODY_BYTES_MAX = 8 * 1024
const REFUSED = 'The notification is not valid for this organization.'

/**
 * Takes notifications of the customers' EventBridge. An event suspends and restores nothing by itself: it has access
 * verified at once, and events that come while one verification runs share the next. Answered before that ends.
 *
 * 202 taken, also when seen before; 400 malformed or out of time; 401 without and 403 with a wrong secret; 413, 415.
 */
export function notificationRoute(options: NotificationRouteOptions): FastifyPluginCallback {
  const seen = new SeenEvents(options.clock)
  const verifications = new Coalesced(options)
  return (server, _options, done) => {
    server.post(
      NOTIFICATION_PATH,
      { bodyLimit: BODY_BYTES_MAX, config: { open: true } },
      async (request, reply) => {
        const secret = request.headers[SECRET_HEADER]
        if (typeof secret !== 'string') {
          throw new PortcullisError('credentials-required', 'Send the secret of the notifications.')
        }
        const parsed = notification.safeParse(request.body)
        if (!parsed.success) {
          throw new PortcullisError('request-malformed', 'The notification is not in the expected form.')
        }
        const { organization, id, time, account } = parsed.data
        const authority = options.authorityOf(organization)
        // Compared in any case, so that time does not tell which organizations there are.
        const valid = sameSecret(secret, options.secretOf(organization))
        if (!valid || authority === undefined || authority.accountId !== account) {
          options.observe?.('refused', 0)
          throw new PortcullisError('credentials-refused', REFUSED)
        }
        const novelty = seen.note(organization, id, time)
        if (novelty === 'out-of-time') {
          options.observe?.('out-of-time', 0)
          throw new PortcullisError('request-malformed', 'The notification is too old, or from the future.')
        }
        if (novelty === 'new') verifications.start(authority)
        else options.observe?.('seen', 0)
        return reply.code(202).send({ accepted: true })
      },
    )
    done()
  }
}

/** At most one verification of an authority runs and one waits, however many events come. */
class Coalesced {
  readonly #options: NotificationRouteOptions
  readonly #running = new Map<string, { again: boolean }>()

  constructor(options: NotificationRouteOptions) {
    this.#options = options
  }

  start(authority: KeyAuthority): void {
    const running = this.#running.get(authority.id)
    if (running === undefined) void this.#run(authority)
    else running.again = true
  }

  async #run(authority: KeyAuthority): Promise<void> {
    const state = { again: true }
    this.#running.set(authority.id, state)
    const { clock, verifyNow, observe } = this.#options
    while (state.again) {
      state.again = false
      const startedAtMs = clock.now()
      try {
        await verifyNow(authority)
      } catch {
        // A verification never rejects; if it did, the lease ends by itself.
      }
      observe?.('verified', clock.now() - startedAtMs)
    }
    this.#running.delete(authority.id)
  }
}

function sameSecret(given: string, expected: string | undefined): boolean {
  const same = timingSafeEqual(digest(given), digest(expected ?? ''))
  return same && expected !== undefined && expected.length > 0
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
