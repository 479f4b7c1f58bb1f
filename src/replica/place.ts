import type { MetricsText } from '../admin/metrics-route.ts'
import type { EndedProcess } from '../composition/cut-evidence.ts'
import type { ProcessLine } from '../fleet/process-line.ts'

/** One of the processes of a replica, as the gateway in it sees it. */
export interface ReplicaPlace {
  /** Unique among the replicas and processes that run. */
  readonly name: string
  /** Counted from 1. The first one has the admin plane. */
  readonly position: number
  /** How many processes the replica has. */
  readonly processes: number
  /** Which process was in this place before, and when it ended. */
  readonly predecessor: EndedProcess | undefined
  /** The way to the other processes. */
  readonly line: ProcessLine
  /** True while every process of the replica serves. */
  readonly complete: () => boolean
  /** What all processes measure, as one. */
  readonly metrics: () => Promise<MetricsText>
}
