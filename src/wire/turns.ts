/** Bytes of one body that are moved in a row before whoever else waits has a turn: about a millisecond's work. */
export const TURN_BYTES = 1024 * 1024

// One line for the process, as it has one event loop.
const line: (() => void)[] = []
let isScheduled = false

/**
 * Runs `proceed` when its turn has come: one per pass of the event loop, in the order of asking. The loop would read a
 * fast connection 32 times in a row and every other one after that, so that a small request beside a few big transfers
 * waited for megabytes of theirs at each of its steps; in line they cost it one turn.
 */
export function awaitTurn(proceed: () => void): void {
  line.push(proceed)
  schedule()
}

function schedule(): void {
  if (isScheduled || line.length === 0) return
  isScheduled = true
  setImmediate(() => {
    isScheduled = false
    const proceed = line.shift()
    schedule()
    proceed?.()
  })
}
