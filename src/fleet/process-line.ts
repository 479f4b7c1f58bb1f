import type { Claim } from './exchange.ts'
import type { FleetMessage } from './message.ts'

/** What a process of a replica says to the meeting place in its parent. */
export type ToMeeting =
  | { readonly type: 'claim'; readonly id: number; readonly authorityId: string; readonly holdMs: number }
  | { readonly type: 'tick'; readonly id: number }
  | { readonly type: 'publish'; readonly message: FleetMessage }
  | { readonly type: 'listen' }

/** What it hears from there. */
export type FromMeeting =
  /** A mark, and whether what was claimed is granted. */
  | { readonly type: 'answer'; readonly id: number; readonly claim: Claim }
  | { readonly type: 'news'; readonly message: FleetMessage; readonly from: string }

/** A process's way to the meeting place in its parent: in order and without loss while both run. */
export interface ProcessLine {
  /** Never throws. */
  send(message: ToMeeting): void
  /** Calls back for every message; one listener. */
  receive(listener: (message: FromMeeting) => void): void
}
