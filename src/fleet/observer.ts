/**
 * How a verification that was due in a fleet came about: this replica was to make it, another one was, another one's
 * stood in for it, or nobody could be asked.
 */
export type FleetVerification = 'granted' | 'held' | 'shared' | 'unanswered'

/** What metrics learn about a fleet. */
export type FleetObserver = (outcome: FleetVerification) => void
