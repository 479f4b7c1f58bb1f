import type { AuditSink } from '../audit/sink.ts'
import type { Clock } from '../keyring/clock.ts'
import { timestamp } from '../keyring/clock.ts'
import type { EncryptionContext } from '../keyring/key-service.ts'
import { KeyAccessDenied, KeyServiceDefect, KeyServiceUnavailable } from '../keyring/key-service.ts'
import { classify } from './classify.ts'

/** One call to AWS as metrics see it. */
export interface KeyServiceCall {
  readonly authorityId: string
  readonly operation: 'AssumeRole' | 'Encrypt' | 'Decrypt'
  /** What the call was for. */
  readonly purpose: 'wrap' | 'unwrap' | 'verify'
  readonly region: string
  readonly outcome: 'succeeded' | 'denied' | 'unavailable' | 'defect'
  readonly awsError: string | undefined
  readonly durationMs: number
}

/** What a call is, before its outcome is known. */
export interface CallDescription extends Pick<
  KeyServiceCall,
  'authorityId' | 'operation' | 'purpose' | 'region'
> {
  /** Key or role ARN. */
  readonly resource: string
  readonly context?: EncryptionContext
}

/** No verdict because the session credentials were not accepted: worth one try with fresh ones. */
export class StaleCredentials extends KeyServiceUnavailable {}

/** Our own credentials, with which roles are assumed, cannot be had. Never the customer's doing. */
export class OwnCredentialsUnavailable extends KeyServiceUnavailable {}

/** Runs single attempts against AWS: deadline, classification, audit and metrics in one place. */
export class CallRunner {
  readonly #clock: Clock
  readonly #audit: AuditSink
  readonly #observe: ((call: KeyServiceCall) => void) | undefined

  constructor(clock: Clock, audit: AuditSink, observe: ((call: KeyServiceCall) => void) | undefined) {
    this.#clock = clock
    this.#audit = audit
    this.#observe = observe
  }

  /**
   * One attempt within `timeoutMs`. Rejects only with `KeyAccessDenied`, `KeyServiceUnavailable`
   * (also `StaleCredentials`) or `KeyServiceDefect`.
   */
  async run<T extends { readonly $metadata: { readonly requestId?: string | undefined } }>(
    description: CallDescription,
    timeoutMs: number,
    attempt: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (timeoutMs <= 0) throw new KeyServiceUnavailable(`no time was left for ${description.operation}`)
    const startedAtMs = this.#clock.now()
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), timeoutMs)
    try {
      const answer = await attempt(controller.signal)
      this.#record(description, startedAtMs, 'succeeded', undefined, answer.$metadata.requestId)
      return answer
    } catch (thrown) {
      throw this.#failure(description, startedAtMs, thrown)
    } finally {
      clearTimeout(timer)
    }
  }

  #failure(description: CallDescription, startedAtMs: number, thrown: unknown): Error {
    if (thrown instanceof OwnCredentialsUnavailable) {
      this.#record(description, startedAtMs, 'unavailable', 'OwnCredentialsUnavailable', undefined)
      return thrown
    }
    const { outcome, awsError, awsRequestId } = classify(
      description.operation === 'AssumeRole' ? 'sts' : 'kms',
      thrown,
    )
    this.#record(description, startedAtMs, outcome.kind, awsError, awsRequestId)
    const { region } = description
    if (outcome.kind === 'denied') {
      const subject = description.operation === 'AssumeRole' ? 'role' : 'key'
      return new KeyAccessDenied(outcome.reason, region, awsError, awsRequestId, subject)
    }
    const options = { cause: thrown }
    if (outcome.kind === 'defect') return new KeyServiceDefect(region, awsError, awsRequestId, options)
    const Unavailable = outcome.staleCredentials === true ? StaleCredentials : KeyServiceUnavailable
    return new Unavailable(`${description.operation} in ${region}: ${awsError}`, options)
  }

  #record(
    description: CallDescription,
    startedAtMs: number,
    outcome: KeyServiceCall['outcome'],
    awsError: string | undefined,
    awsRequestId: string | undefined,
  ): void {
    const { authorityId, operation, purpose, region, resource, context } = description
    const durationMs = this.#clock.now() - startedAtMs
    this.#audit.record({
      type: 'key-service.called',
      at: timestamp(this.#clock.wallTimeMs()),
      authority: authorityId,
      operation,
      purpose,
      region,
      resource,
      outcome,
      ...(context === undefined ? {} : { encryptionContext: context }),
      ...(awsError === undefined ? {} : { awsError }),
      ...(awsRequestId === undefined ? {} : { awsRequestId }),
    })
    this.#observe?.({ authorityId, operation, purpose, region, outcome, awsError, durationMs })
  }
}
