import { PortcullisError } from '../errors.ts'

/** So many at once, and so many more each second. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** Names remembered at most; forgetting one only refills it. */
const BUCKETS_MAX = 10_000

/** Token buckets by name. */
export class RateLimiter {
  readonly #limit: RateLimit
  readonly #nowMs: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: RateLimit, nowMs: () => number = () => performance.now()) {
    this.#limit = limit
    this.#nowMs = nowMs
  }

  /** Takes one. Throws `too-many-requests` when there is none left. */
  take(name: string): void {
    const bucket = this.#filled(name)
    if (bucket.tokens < 1) throw this.#refusal(bucket)
    bucket.tokens -= 1
  }

  /** Throws `too-many-requests` when there is none left; takes none. */
  assertLeft(name: string): void {
    const bucket = this.#filled(name)
    if (bucket.tokens < 1) throw this.#refusal(bucket)
  }

  #filled(name: string): Bucket {
    const { burst, perSecond } = this.#limit
    const nowMs = this.#nowMs()
    const known = this.#buckets.get(name)
    const bucket = known ?? { tokens: burst, atMs: nowMs }
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
    bucket.atMs = nowMs
    if (known !== undefined) this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > BUCKETS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }

  #refusal(bucket: Bucket): PortcullisError {
    const retryAfterSeconds = Math.max(1, Math.ceil((1 - bucket.tokens) / this.#limit.perSecond))
    return new PortcullisError('too-many-requests', 'Too many requests; try again later.', {
      retryAfterSeconds,
    })
  }
}
