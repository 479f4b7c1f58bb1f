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
  /** Makes each request another one: its path and further headers, in turn. */
  readonly vary?: () => { readonly path: string; readonly headers: Record<string, string> }
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
    ...(workload.vary === undefined ? {} : { requests: [varied(workload, workload.vary)] }),
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

function varied({ headers }: Workload, vary: NonNullable<Workload['vary']>): autocannon.Request {
  return {
    setupRequest: (request) => {
      const next = vary()
      return { ...request, path: next.path, headers: { ...headers, ...next.headers } }
    },
  }
}

/** Medians of several rounds, and the medians of what each round says of the workloads relative to each other. */
export interface Measurement {
  readonly rows: Row[]
  /** Requests per CPU-second of a row, divided by those of the subject `base` in the same round. */
  ratioTo(base: string, row: Row): number
}

/**
 * Warms every workload up, then runs all of them in turn, round after round, so that noise hits all alike. A ratio is
 * the median of the ratios within the rounds, since a round's neighbours share its weather.
 */
export async function measureInRounds(
  workloads: Workload[],
  options: { rounds: number; seconds: number; connections: number },
): Promise<Measurement> {
  for (const workload of workloads) await measure(workload, options.seconds, options.connections)
  const rounds: Row[][] = []
  for (let round = 0; round < options.rounds; round += 1) {
    const rows: Row[] = []
    for (const workload of workloads) rows.push(await measure(workload, options.seconds, options.connections))
    rounds.push(rows)
  }
  const rows = workloads.map((_, index) => medianRow(rounds.map((round) => round[index]!)))
  return {
    rows,
    ratioTo: (base, row) =>
      median(
        rounds.map((round) => {
          const own = round[rows.indexOf(row)]!
          const other = round.find(({ name, subject }) => name === row.name && subject === base)!
          return other.cpuMicrosPerRequest / own.cpuMicrosPerRequest
        }),
      ),
  }
}

function medianRow(rows: Row[]): Row {
  const of = (read: (row: Row) => number): number => median(rows.map(read))
  return {
    name: rows[0]!.name,
    subject: rows[0]!.subject,
    rps: of((row) => row.rps),
    cpuMicrosPerRequest: of((row) => row.cpuMicrosPerRequest),
    p99Ms: of((row) => row.p99Ms),
    rssMiB: of((row) => row.rssMiB),
  }
}

/** The middle value. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
