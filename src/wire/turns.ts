/** Bytes of one body that are moved in a row before whoever else waits has a turn: about a millisecond's work. */
export const TURN_BYTES_MAX: number = 1024 * 1024
/** The same while small requests come in numbers, each of whose steps waits for a turn to end. */
const SHORT_TURN_BYTES = TURN_BYTES_MAX / 2
const SMALL_WITHIN_MS = 100
const SMALL_IN_NUMBERS = 4
const SHORT_FOR_MS = 200

let smallSinceMs = -Infinity
let small = 0
let shortUntilMs = -Infinity

/** Notes a request that moved little; milliseconds on the monotonic clock. */
export function noteSmall(nowMs: number): void {
  if (nowMs - smallSinceMs > SMALL_WITHIN_MS) {
    smallSinceMs = nowMs
    small = 0
  }
  small += 1
  if (small >= SMALL_IN_NUMBERS) shortUntilMs = nowMs + SHORT_FOR_MS
}

/** Bytes of a turn at this instant: longer ones cost less for each byte, shorter ones keep small requests quick. */
export function turnBytes(nowMs: number = performance.now()): number {
  return nowMs < shortUntilMs ? SHORT_TURN_BYTES : TURN_BYTES_MAX
}

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
