import type { Clock } from '../keyring/clock.ts'
import { KeyServiceDefect, KeyServiceUnavailable } from '../keyring/key-service.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import type { CallRunner, KeyServiceCall } from './call.ts'
import type { AwsCredentials, RegionalClients } from './regional-clients.ts'
import { RegionOrder } from './region-order.ts'
import { regionsInTurn } from './regions-in-turn.ts'

/** Session credentials of a role, with their end on the monotonic clock: a skewed wall clock does not matter. */
interface Session {
  readonly credentials: AwsCredentials
  readonly renewAtMs: number
  readonly expiresAtMs: number
}

/** The shortest session STS gives: a stolen one ends soonest. */
const SESSION_SECONDS = 900
const SESSION_MS = SESSION_SECONDS * 1000
/** Renewed with this much left, so that a call in flight never meets the end. */
const RENEW_BEFORE_END_MS = 300_000
const END_MARGIN_MS = 30_000

/** Credentials of the authorities' roles: cached for unwrapping, assumed afresh for verification. */
export class AssumedRoles {
  readonly #clients: RegionalClients
  readonly #runner: CallRunner
  readonly #clock: Clock
  readonly #sessionName: string
  readonly #attemptTimeoutMs: number
  readonly #order: RegionOrder
  readonly #sessions = new Map<string, Session>()
  readonly #renewing = new Map<string, Promise<AwsCredentials>>()

  constructor(
    clients: RegionalClients,
    runner: CallRunner,
    clock: Clock,
    sessionName: string,
    attemptTimeoutMs: number,
  ) {
    this.#clients = clients
    this.#runner = runner
    this.#clock = clock
    this.#sessionName = sessionName
    this.#attemptTimeoutMs = attemptTimeoutMs
    this.#order = new RegionOrder(clock)
  }

  /** Credentials that may be a few minutes old, renewed before they end; single-flight. */
  async current(
    authority: KeyAuthority,
    purpose: KeyServiceCall['purpose'],
    deadlineMs: number,
  ): Promise<AwsCredentials> {
    const session = this.#sessions.get(authority.id)
    const now = this.#clock.now()
    if (session !== undefined && now < session.renewAtMs) return session.credentials
    let renewing = this.#renewing.get(authority.id)
    if (renewing === undefined) {
      renewing = this.fresh(authority, purpose, deadlineMs).finally(() => this.#renewing.delete(authority.id))
      this.#renewing.set(authority.id, renewing)
    }
    try {
      return await renewing
    } catch (thrown) {
      const usable = this.peek(authority.id)
      if (thrown instanceof KeyServiceUnavailable && usable !== undefined) return usable
      throw thrown
    }
  }

  /**
   * Assumes the role now and keeps the credentials. STS of another region is asked only when one gives no verdict; which
   * is first depends on the authority, since the quota of the account that assumes roles is one per region.
   */
  async fresh(
    authority: KeyAuthority,
    purpose: KeyServiceCall['purpose'],
    deadlineMs: number,
  ): Promise<AwsCredentials> {
    const regions = this.#order.ordered('', regionsInTurn(authority))
    let unavailable: KeyServiceUnavailable | undefined
    for (const region of regions) {
      try {
        const credentials = await this.#assume(authority, region, purpose, deadlineMs)
        this.#order.succeeded('', region)
        return credentials
      } catch (thrown) {
        if (!(thrown instanceof KeyServiceUnavailable)) throw thrown
        this.#order.failed('', region)
        unavailable = thrown
      }
    }
    throw unavailable ?? new KeyServiceDefect('', 'AuthorityWithoutRegion', undefined)
  }

  /** Cached credentials that have not ended, however soon they will. */
  peek(authorityId: string): AwsCredentials | undefined {
    const session = this.#sessions.get(authorityId)
    return session !== undefined && this.#clock.now() < session.expiresAtMs ? session.credentials : undefined
  }

  forget(authorityId: string): void {
    this.#sessions.delete(authorityId)
  }

  async #assume(
    authority: KeyAuthority,
    region: string,
    purpose: KeyServiceCall['purpose'],
    deadlineMs: number,
  ): Promise<AwsCredentials> {
    const startedAtMs = this.#clock.now()
    const { roleArn, externalId } = authority
    const description = {
      authorityId: authority.id,
      operation: 'AssumeRole',
      purpose,
      region,
      resource: roleArn,
    } as const
    const role = { roleArn, externalId, sessionName: this.#sessionName, durationSeconds: SESSION_SECONDS }
    const timeoutMs = Math.min(this.#attemptTimeoutMs, deadlineMs - startedAtMs)
    const answer = await this.#runner.run(description, timeoutMs, (signal) =>
      this.#clients.assumeRole(region, role, signal),
    )
    const { AccessKeyId, SecretAccessKey, SessionToken } = answer.Credentials ?? {}
    if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
      throw new KeyServiceDefect(region, 'AnswerWithoutCredentials', answer.$metadata.requestId)
    }
    const credentials = {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    }
    this.#sessions.set(authority.id, {
      credentials,
      renewAtMs: startedAtMs + SESSION_MS - RENEW_BEFORE_END_MS,
      expiresAtMs: startedAtMs + SESSION_MS - END_MARGIN_MS,
    })
    return credentials
  }
}
