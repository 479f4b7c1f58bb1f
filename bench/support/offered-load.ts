import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Workload } from './measure.ts'

/** What a load of fixed rate met. */
export interface OfferedLoad {
  /** Milliseconds from the instant at which each request was due to the end of its answer, in no order. */
  readonly latenciesMs: readonly number[]
  readonly seconds: number
}

/**
 * Sends so many requests a second at even distances, whatever their answers take. Requests that cannot be sent in time
 * wait, and that counts (no coordinated omission). Any response but 2xx is an error.
 */
export async function offerLoad(
  workload: Workload,
  rate: number,
  seconds: number,
  connections: number,
): Promise<OfferedLoad> {
  const { origin, pathname } = new URL(workload.url)
  const pool = new Pool(origin, { connections })
  const latenciesMs: number[] = []
  const send = async (dueAtMs: number): Promise<void> => {
    const varied = workload.vary?.()
    const { statusCode, body } = await pool.request({
      method: workload.method,
      path: varied?.path ?? pathname,
      headers: { ...workload.headers, ...varied?.headers },
      body: workload.body ?? null,
    })
    await body.dump()
    if (statusCode >= 300) throw new Error(`${workload.name}/${workload.subject}: ${statusCode}`)
    latenciesMs.push(performance.now() - dueAtMs)
  }
  const startMs = performance.now()
  const requests = Math.round(rate * seconds)
  const sending: Promise<void>[] = []
  while (sending.length < requests) {
    const dueAtMs = startMs + (sending.length / rate) * 1_000
    if (dueAtMs > performance.now()) await pause(1)
    else sending.push(send(dueAtMs))
  }
  await Promise.all(sending)
  await pool.close()
  return { latenciesMs, seconds: (performance.now() - startMs) / 1_000 }
}
