/** A promise's value, or that it was not there in time. */
export type InTime<Value> = { readonly done: true; readonly value: Value } | { readonly done: false }

/** Waits for `promise`, but no longer than `timeoutMs`. A rejection in time is passed on, a later one is dropped. */
export async function withTimeout<Value>(promise: Promise<Value>, timeoutMs: number): Promise<InTime<Value>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<InTime<Value>>((resolve) => {
    timer = setTimeout(() => resolve({ done: false }), timeoutMs)
  })
  try {
    return await Promise.race([promise.then((value) => ({ done: true as const, value })), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Sleeps that all end at once when asked to. */
export class Pause {
  readonly #wake = new Set<() => void>()
  #ended = false

  /** Returns at once after {@link end}. */
  sleep(delayMs: number): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#wake.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, delayMs)
      this.#wake.add(wake)
    })
  }

  end(): void {
    this.#ended = true
    for (const wake of this.#wake) wake()
  }
}
