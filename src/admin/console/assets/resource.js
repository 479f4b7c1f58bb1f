import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from './api.js'
import { useSession } from './context.js'

const RETRY_AFTER_FAILURE_MS = 5_000

/**
 * Something read from the API and kept fresh while the page is visible. `value` stays while a refresh fails;
 * `problem` then says why.
 *
 * @template Value
 * @param {string | null} path null reads nothing
 * @param {{ everyMs?: number }} [options]
 * @returns {{ value: Value | undefined, etag: string | null, problem: Problem | undefined, readAt: number, reload: () => void }}
 */
export function useResource(path, { everyMs } = {}) {
  const { api } = useSession()
  const [state, setState] = useState(
    /** @type {{ path: string | null, value?: Value, etag?: string | null, problem?: Problem, readAt: number }} */ ({
      path,
      readAt: 0,
    }),
  )
  const [generation, setGeneration] = useState(0)
  const reload = useCallback(() => setGeneration((count) => count + 1), [])
  useEffect(() => {
    if (path === null) return undefined
    const controller = new AbortController()
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer
    const read = async () => {
      timer = undefined
      let pauseMs = everyMs
      try {
        const { value, etag } = await api.read(path, controller.signal)
        setState({ path, value, etag, readAt: Date.now() })
      } catch (error) {
        if (controller.signal.aborted) return
        const problem = error instanceof Problem ? error : new Problem(0, { detail: String(error) })
        setState((before) => ({ ...(before.path === path ? before : { path, readAt: 0 }), problem }))
        pauseMs = Math.max(pauseMs ?? 0, (problem.retryAfterSeconds ?? 0) * 1_000, RETRY_AFTER_FAILURE_MS)
        if (everyMs === undefined && problem.status !== 429 && problem.status !== 0) return
      }
      if (pauseMs !== undefined && !document.hidden && !controller.signal.aborted) {
        timer = setTimeout(() => void read(), pauseMs)
      }
    }
    const onVisible = () => {
      if (!document.hidden && timer === undefined && everyMs !== undefined) void read()
    }
    document.addEventListener('visibilitychange', onVisible)
    void read()
    return () => {
      controller.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [api, path, everyMs, generation])

  const current = state.path === path ? state : undefined
  return {
    value: current?.value,
    etag: current?.etag ?? null,
    problem: current?.problem,
    readAt: current?.readAt ?? 0,
    reload,
  }
}

/**
 * An action: whether it runs, what it was refused with, and a function that starts it once at a time.
 *
 * @template Result
 * @param {(...args: any[]) => Promise<Result>} act
 */
export function useAction(act) {
  const [state, setState] = useState(
    /** @type {{ running: boolean, problem?: Problem, result?: Result }} */ ({ running: false }),
  )
  const running = useRef(false)
  const run = async (/** @type {any[]} */ ...args) => {
    if (running.current) return undefined
    running.current = true
    setState(({ result }) => ({ running: true, result }))
    try {
      const result = await act(...args)
      setState({ running: false, result })
      return { result }
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0, { detail: String(error) })
      setState(({ result }) => ({ running: false, problem, result }))
      return undefined
    } finally {
      running.current = false
    }
  }
  return { ...state, run }
}
