import type { MetricsText } from '../admin/metrics-route.ts'
import type { EndedProcess } from '../composition/cut-evidence.ts'
import type { Settings } from '../composition/settings.ts'
import type { FromMeeting, ToMeeting } from '../fleet/process-line.ts'
import type { MetricValues } from '../observability/merged-metrics.ts'

/** Where a process listens. */
export interface Addresses {
  readonly gateway: string
  /** Of the process that has the admin plane. */
  readonly admin: string | undefined
  /** Endpoints of the S3 stores by name. */
  readonly objectStores: ReadonlyMap<string, string>
}

/** What a process is told when it starts. Holds secrets: it goes from parent to child and nowhere else. */
export interface StartOrder {
  readonly type: 'start'
  readonly name: string
  readonly position: number
  readonly processes: number
  readonly predecessor: EndedProcess | undefined
  readonly settings: Settings
}

/** What the parent says to a process of the replica. */
export type ToProcess =
  | StartOrder
  | { readonly type: 'drain' }
  | { readonly type: 'completeness'; readonly complete: boolean }
  | { readonly type: 'measure'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly text: MetricsText }
  | { readonly type: 'fleet'; readonly message: FromMeeting }

/** What a process of the replica says to the parent. */
export type FromProcess =
  /** It listens, and waits for its order. */
  | { readonly type: 'joined' }
  | { readonly type: 'ready'; readonly addresses: Addresses }
  | { readonly type: 'measured'; readonly id: number; readonly values: readonly MetricValues[] }
  /** It wants what all processes measure. */
  | { readonly type: 'metrics-wanted'; readonly id: number }
  | { readonly type: 'fleet'; readonly message: ToMeeting }
