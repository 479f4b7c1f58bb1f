import type { Suspension } from '../registry/suspension.ts'

/** What one process did when a suspension began: the evidence that cut-off means cut off. */
export interface CutReport {
  readonly suspension: Suspension
  /** RFC 3339; when this process last allowed a use of what is suspended now. Undefined when it never did. */
  readonly lastAllowedAt: string | undefined
  /** How long before the cut that was. */
  readonly lastAllowedAgeMs: number | undefined
  /** RFC 3339; when the keys were gone from this process's memory. */
  readonly wipedAt: string
  /**
   * Keys that this cut wiped. 0 where none was in memory: every transfer still waited for its key, which is zeroed when
   * it comes, or needed none, or a narrower suspension had wiped them.
   */
  readonly keysWiped: number
  readonly transfersCut: number
}

/** Tells other replicas what happened here. Never throws, never blocks. */
export interface AccessShare {
  /**
   * How much sooner than here, in milliseconds, a lease that rests on a proof of this process ends elsewhere: the proof
   * is to be renewed by so much earlier. 0 where there are no others.
   */
  readonly leadMs: number
  /** A suspension was opened, changed or ended by this process itself. */
  suspensionChanged(suspension: Suspension): void
  /** This process cut access, by its own finding or another's. */
  cut(report: CutReport): void
}
