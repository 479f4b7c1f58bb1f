import autocannon from 'autocannon'
import { cpuMicrosOf, rssMiBOf } from './cpu-time.ts'

/** One request repeated against one subject. */
export interface Workload {
  readonly name: string
  readonly subject: string
  readonly pid: number
  readonly url: string
  readonly method: 'GET' | 'PUT'
  readonly headers: Record<string, string>
  readonly body?: Buffer
}

/** One line of the result table. */
export interface Row {
  readonly name: string
  readonly subject: string
  readonly rps: number
  readonly cpuMicrosPerRequest: number
  readonly p99Ms: number
  readonly rssMiB: number
}

/** Runs one workload for some seconds and returns what it cost. Any response but 2xx is an error. */
export async function measure(workload: Workload, seconds: number, connections: number): Promise<Row> {
  const before = cpuMicrosOf(workload.pid) ?? 0
  const result = await autocannon({
    url: workload.url,
    method: workload.method,
    headers: workload.headers,
    ...(workload.body === undefined ? {} : { body: workload.body }),
    connections,
    duration: seconds,
  })
  const cpuMicros = (cpuMicrosOf(workload.pid) ?? 0) - before
  const requests = result['2xx']
  if (result.non2xx > 0 || result.errors > 0 || requests === 0) {
    throw new Error(
      `${workload.name}/${workload.subject}: ${result.non2xx} refusals, ${result.errors} errors`,
    )
  }
  return {
    name: workload.name,
    subject: workload.subject,
    rps: result.requests.average,
    cpuMicrosPerRequest: cpuMicros / requests,
    p99Ms: result.latency.p99,
    rssMiB: rssMiBOf(workload.pid) ?? 0,
  }
}

/** Runs all workloads in turn, several rounds, so that noise hits all alike; keeps the median round of each. */
export async function measureInRounds(
  workloads: Workload[],
  options: { rounds: number; seconds: number; connections: number },
): Promise<Row[]> {
  const rows = new Map<Workload, Row[]>(workloads.map((workload) => [workload, []]))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const workload of workloads) {
      rows.get(workload)!.push(await measure(workload, options.seconds, options.connections))
    }
  }
  return [...rows.values()].map((measured) => {
    const sorted = measured.sort((a, b) => a.cpuMicrosPerRequest - b.cpuMicrosPerRequest)
    return sorted[Math.floor(sorted.length / 2)]!
  })
}
