import type { Mark } from './mark.ts'
import type { FleetMessage } from './message.ts'

/** Whether this replica is to verify, and a mark that was given out before it was told so. */
export interface Claim {
  readonly granted: boolean
  readonly mark: Mark
}

/**
 * The place where replicas of a fleet meet. Nothing that access rests on depends on it: what does not arrive makes a
 * replica verify for itself.
 */
export interface FleetExchange {
  /** Name of this replica, unique among those that run. */
  readonly replica: string
  /** False while the place is known to be out of reach: then nobody waits for it. */
  readonly reachable: boolean
  /**
   * Asks to verify an authority. Not granted when another replica was granted it less than `holdMs` ago.
   * Rejects when there is no answer in good time.
   */
  claim(authorityId: string, holdMs: number): Promise<Claim>
  /** Asks for a mark, to be able to place those of others. Rejects like `claim`. */
  tick(): Promise<Mark>
  /** Sends to all other replicas, as soon as possible and without any promise. Never throws. */
  publish(message: FleetMessage): void
  /** Says what to do with messages of others, and after a time in which some may have been missed. */
  listen(listener: FleetListener): void
  close(): Promise<void>
}

/** Takes what comes from other replicas. */
export interface FleetListener {
  received(message: FleetMessage, from: string): void
  /** The connection is there, for the first time or again: messages until now may have been missed. */
  resumed(): void
}
