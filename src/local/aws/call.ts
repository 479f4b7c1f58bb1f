import type { Principal } from './principal.ts'
import type { StateFile } from './state/state-file.ts'

/** The AWS services played here; the name is the one in the credential scope. */
export type Service = 'kms' | 'sts' | 'iam'

/** One authenticated request on its way through an operation. */
export interface Call {
  readonly service: Service
  readonly region: string
  readonly operation: string
  readonly principal: Principal
  readonly requestId: string
  /** The service's clock, milliseconds since the epoch. */
  readonly nowMs: number
  readonly sourceAddress: string
  readonly file: StateFile
  /** How long a replica stays `Creating`. */
  readonly keyTransitionMs: number
  /** Resources the operation touched, for the event log. */
  readonly resources: { arn: string; accountId: string; type: string }[]
  /** What CloudTrail shows of the answer; undefined for data. */
  responseElements: unknown
  /** CloudTrail's `additionalEventData`. */
  additionalEventData: Record<string, unknown> | undefined
}
