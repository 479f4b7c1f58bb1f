import type { AuditSink } from '../audit/sink.ts'
import type { Clock } from '../keyring/clock.ts'
import type {
  EncryptionContext,
  KeyProof,
  KeyProver,
  KeyService,
  KeyToProve,
  ProofManner,
  Unwrapped,
  WrappedCopy,
} from '../keyring/key-service.ts'
import { KeyAccessDenied, KeyServiceDefect, KeyServiceUnavailable } from '../keyring/key-service.ts'
import type { KeyAuthority } from '../tenant/tenant.ts'
import { allOrWorst } from './all-or-worst.ts'
import { AssumedRoles } from './assumed-roles.ts'
import type { KeyServiceCall } from './call.ts'
import { CallRunner, StaleCredentials } from './call.ts'
import { planProof } from './proof-plan.ts'
import { proveKeys } from './prove-keys.ts'
import { RegionOrder } from './region-order.ts'
import type { AwsCredentials, AwsEndpoints, BaseCredentials } from './regional-clients.ts'
import { RegionalClients } from './regional-clients.ts'
import { RetryBudget } from './retry-budget.ts'

/** How to reach AWS, and within what limits. */
export interface AwsKeyServiceOptions {
  readonly clock: Clock
  readonly audit: AuditSink
  /** With what the customers' roles are assumed; left out for the SDK's default provider chain. */
  readonly baseCredentials?: BaseCredentials
  /** Left out for the public AWS endpoints. */
  readonly endpoints?: AwsEndpoints
  /** RoleSessionName, 2 to 64 characters of `[\w+=,.@-]`; shows in the customer's CloudTrail. */
  readonly sessionName?: string
  /** One attempt at one endpoint. Default 700 ms. */
  readonly attemptTimeoutMs?: number
  /** All attempts of one wrap or unwrap. Default 3,000 ms. */
  readonly requestTimeoutMs?: number
  /** One verification, AssumeRole and every region. Default 1,900 ms; must fit the lease's own timeout. */
  readonly verifyTimeoutMs?: number
  /** Retries an authority may make in a burst, and how often it regains one. Default 10, one per 3 s. */
  readonly retryTokensMax?: number
  readonly retryRefillIntervalMs?: number
  readonly socketsMax?: number
  readonly observe?: (call: KeyServiceCall) => void
  /** Uniform in [0, 1); for jitter only. */
  readonly random?: () => number
}

const PLAINTEXT_BYTES = 32
const ROUNDS_MAX = 3
const RETRY_PAUSE_MS = 100

/** The customers' root keys in AWS KMS, reached through a role in each customer's account. */
export class AwsKeyService implements KeyService, KeyProver {
  readonly #clock: Clock
  readonly #clients: RegionalClients
  readonly #runner: CallRunner
  readonly #roles: AssumedRoles
  readonly #order: RegionOrder
  readonly #budgets = new Map<string, RetryBudget>()
  readonly #limits: Required<
    Pick<AwsKeyServiceOptions, 'attemptTimeoutMs' | 'requestTimeoutMs' | 'verifyTimeoutMs'>
  >
  readonly #budgetOptions: { tokensMax: number; refillIntervalMs: number }
  readonly #random: () => number

  constructor(options: AwsKeyServiceOptions) {
    this.#clock = options.clock
    this.#random = options.random ?? Math.random
    this.#limits = {
      attemptTimeoutMs: options.attemptTimeoutMs ?? 700,
      requestTimeoutMs: options.requestTimeoutMs ?? 3_000,
      verifyTimeoutMs: options.verifyTimeoutMs ?? 1_900,
    }
    this.#budgetOptions = {
      tokensMax: options.retryTokensMax ?? 10,
      refillIntervalMs: options.retryRefillIntervalMs ?? 3_000,
    }
    this.#clients = new RegionalClients({
      endpoints: options.endpoints ?? {},
      baseCredentials: options.baseCredentials,
      connectTimeoutMs: this.#limits.attemptTimeoutMs,
      socketsMax: options.socketsMax ?? 200,
    })
    this.#runner = new CallRunner(options.clock, options.audit, options.observe)
    const sessionName = options.sessionName ?? 'portcullis'
    this.#roles = new AssumedRoles(
      this.#clients,
      this.#runner,
      options.clock,
      sessionName,
      this.#limits.attemptTimeoutMs,
    )
    this.#order = new RegionOrder(options.clock)
  }

  async wrap(
    authority: KeyAuthority,
    plaintext: Uint8Array,
    context: EncryptionContext,
  ): Promise<WrappedCopy[]> {
    const deadlineMs = this.#clock.now() + this.#limits.requestTimeoutMs
    const copies = authority.keys.map(({ region, keyArn }) =>
      this.#withRetries(authority, deadlineMs, async () => {
        const { ciphertext } = await this.#withCredentials(authority, 'wrap', deadlineMs, (credentials) => {
          const description = {
            authorityId: authority.id,
            operation: 'Encrypt',
            purpose: 'wrap',
            region,
            resource: keyArn,
            context,
          } as const
          return this.#runner.run(description, this.#attemptTimeoutMs(deadlineMs), (signal) =>
            this.#clients.encrypt(region, credentials, keyArn, plaintext, context, signal),
          )
        })
        return { region, keyArn, ciphertext }
      }),
    )
    return allOrWorst(copies)
  }

  async unwrap(
    authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<Unwrapped> {
    const usable = usableCopies(authority, copies)
    const deadlineMs = this.#clock.now() + this.#limits.requestTimeoutMs
    return this.#withRetries(authority, deadlineMs, async () => {
      const regions = this.#order.ordered(
        authority.id,
        usable.map((copy) => copy.region),
      )
      let unavailable: KeyServiceUnavailable | undefined
      for (const region of regions) {
        const copy = usable.find((candidate) => candidate.region === region)!
        try {
          const unwrapped = await this.#withCredentials(authority, 'unwrap', deadlineMs, (credentials) =>
            this.#decrypt(authority, copy, context, credentials, 'unwrap', deadlineMs),
          )
          this.#order.succeeded(authority.id, region)
          return unwrapped
        } catch (thrown) {
          if (!(thrown instanceof KeyServiceUnavailable)) throw thrown
          this.#order.failed(authority.id, region)
          unavailable = thrown
        }
      }
      throw unavailable!
    })
  }

  async verify(
    authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<void> {
    const manner = { regions: 'every-region', turn: 0, untilDenied: true } as const
    const [proof] = await this.prove(authority, [{ keyId: '', copies, context }], manner)
    if (proof!.failure !== undefined) throw proof!.failure
  }

  async prove(
    authority: KeyAuthority,
    keys: readonly KeyToProve[],
    manner: ProofManner,
  ): Promise<KeyProof[]> {
    const usable = keys.map((key) => usableCopies(authority, key.copies))
    const deadlineMs = this.#clock.now() + this.#limits.verifyTimeoutMs
    const earlier = this.#roles.peek(authority.id)
    const regions = authority.keys.map((key) => key.region)
    const plan = planProof(keys.length, regions, manner)
    const proveWith = (credentials: AwsCredentials): Promise<KeyProof[]> =>
      proveKeys(keys, plan, manner.untilDenied, async (index, region) => {
        const copy = usable[index]!.find((candidate) => candidate.region === region)
        if (copy === undefined) return false
        const { context } = keys[index]!
        const unwrapped = await this.#decrypt(authority, copy, context, credentials, 'verify', deadlineMs)
        unwrapped.plaintext.fill(0)
        return true
      })
    let credentials: AwsCredentials
    try {
      credentials = await this.#roles.fresh(authority, 'verify', deadlineMs)
    } catch (thrown) {
      // STS gives no verdict: earlier credentials prove nothing, yet a denial that they meet is one.
      if (thrown instanceof KeyServiceUnavailable && earlier !== undefined) {
        const proofs = await proveWith(earlier)
        if (proofs.some(({ failure }) => failure instanceof KeyAccessDenied)) {
          return proofs.map((proof) => (proof.failure === undefined ? { ...proof, failure: thrown } : proof))
        }
      }
      throw thrown
    }
    return proveWith(credentials)
  }

  forget(authorityId: string): void {
    this.#roles.forget(authorityId)
  }

  /** Closes every connection. */
  close(): void {
    this.#clients.destroy()
  }

  async #decrypt(
    authority: KeyAuthority,
    copy: WrappedCopy,
    context: EncryptionContext,
    credentials: AwsCredentials,
    purpose: 'unwrap' | 'verify',
    deadlineMs: number,
  ): Promise<Unwrapped> {
    const { region, keyArn } = copy
    const plaintext = Buffer.from(new ArrayBuffer(PLAINTEXT_BYTES))
    const description = {
      authorityId: authority.id,
      operation: 'Decrypt',
      purpose,
      region,
      resource: keyArn,
      context,
    } as const
    try {
      const answer = await this.#runner.run(description, this.#attemptTimeoutMs(deadlineMs), (signal) =>
        this.#clients.decrypt(region, credentials, copy, context, plaintext, signal),
      )
      return { plaintext, region, awsRequestId: answer.$metadata.requestId }
    } catch (thrown) {
      plaintext.fill(0)
      throw thrown
    }
  }

  /** Runs with cached credentials, and once more with fresh ones when AWS no longer accepts those. */
  async #withCredentials<T>(
    authority: KeyAuthority,
    purpose: 'wrap' | 'unwrap',
    deadlineMs: number,
    run: (credentials: AwsCredentials) => Promise<T>,
  ): Promise<T> {
    try {
      return await run(await this.#roles.current(authority, purpose, deadlineMs))
    } catch (thrown) {
      if (!(thrown instanceof StaleCredentials)) throw thrown
      this.#roles.forget(authority.id)
      return run(await this.#roles.current(authority, purpose, deadlineMs))
    }
  }

  /** Repeats while there is no verdict, the authority's budget has tokens and the deadline leaves time. */
  async #withRetries<T>(authority: KeyAuthority, deadlineMs: number, round: () => Promise<T>): Promise<T> {
    for (let rounds = 1; ; rounds += 1) {
      try {
        return await round()
      } catch (thrown) {
        const pauseMs = RETRY_PAUSE_MS * rounds * (0.5 + this.#random())
        const worthwhile =
          thrown instanceof KeyServiceUnavailable &&
          rounds < ROUNDS_MAX &&
          this.#clock.now() + pauseMs < deadlineMs
        if (!worthwhile || !this.#budgetOf(authority.id).take()) throw thrown
        await new Promise<void>((resolve) => {
          this.#clock.setTimer(resolve, pauseMs)
        })
      }
    }
  }

  #attemptTimeoutMs(deadlineMs: number): number {
    return Math.min(this.#limits.attemptTimeoutMs, deadlineMs - this.#clock.now())
  }

  #budgetOf(authorityId: string): RetryBudget {
    let budget = this.#budgets.get(authorityId)
    if (budget === undefined) {
      budget = new RetryBudget(this.#budgetOptions, this.#clock)
      this.#budgets.set(authorityId, budget)
    }
    return budget
  }
}

/** The copies under keys the authority still names, in its order of regions. */
function usableCopies(authority: KeyAuthority, copies: readonly WrappedCopy[]): WrappedCopy[] {
  const usable = authority.keys.flatMap((key) => copies.find((copy) => copy.region === key.region) ?? [])
  if (usable.length === 0) throw new KeyServiceDefect('', 'NoWrappedCopyForRegions', undefined)
  return usable
}
