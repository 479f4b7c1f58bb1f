import autocannon from 'autocannon'
import { cpuMicrosOf, rssMiBOf } from './cpu-time.ts'
import { offerLoad } from './offered-load.ts'

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
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMiB: number
}

/** How requests are sent. */
export interface Load {
  readonly seconds: number
  readonly connections: number
  /** Requests a second, whatever their answers take; without it each connection sends as soon as it has its answer. */
  readonly rate?: number
}

/** Runs one workload for some seconds and returns what it cost. Any response but 2xx is an error. */
export async function measure(workload: Workload, load: Load): Promise<Row> {
  const before = cpuMicrosOf(workload.pid) ?? 0
  const { requests, ...latency } =
    load.rate === undefined ? await saturate(workload, load) : await offer(workload, load, load.rate)
  return {
    name: workload.name,
    subject: workload.subject,
    ...latency,
    cpuMicrosPerRequest: ((cpuMicrosOf(workload.pid) ?? 0) - before) / requests,
    rssMiB: rssMiBOf(workload.pid) ?? 0,
  }
}

type Answers = Pick<Row, 'rps' | 'p50Ms' | 'p99Ms'> & { readonly requests: number }

async function saturate(workload: Workload, { seconds, connections }: Load): Promise<Answers> {
  const result = await autocannon({
    url: workload.url,
    method: workload.method,
    headers: workload.headers,
    ...(workload.body === undefined ? {} : { body: workload.body }),
    ...(workload.vary === undefined ? {} : { requests: [varied(workload, workload.vary)] }),
    connections,
    duration: seconds,
  })
  const requests = result['2xx']
  if (result.non2xx > 0 || result.errors > 0 || requests === 0) {
    throw new Error(
      `${workload.name}/${workload.subject}: ${result.non2xx} refusals, ${result.errors} errors`,
    )
  }
  const { p50, p99 } = result.latency
  return { requests, rps: result.requests.average, p50Ms: p50, p99Ms: p99 }
}

async function offer(workload: Workload, { seconds, connections }: Load, rate: number): Promise<Answers> {
  const offered = await offerLoad(workload, rate, seconds, connections)
  const sorted = offered.latenciesMs.toSorted((a, b) => a - b)
  const share = (part: number): number => sorted[Math.floor(sorted.length * part)]!
  const requests = sorted.length
  return { requests, rps: requests / offered.seconds, p50Ms: share(0.5), p99Ms: share(0.99) }
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
  /** p99 of a row, divided by that of the subject `base` in the same round. */
  p99RatioTo(base: string, row: Row): number
}

/**
 * Warms every workload up, then runs all of them in turn, round after round, so that noise hits all alike. A ratio is
 * the median of the ratios within the rounds, since a round's neighbours share its weather.
 */
export async function measureInRounds(
  workloads: Workload[],
  options: Load & { readonly rounds: number },
): Promise<Measurement> {
  for (const workload of workloads) await measure(workload, options)
  const rounds: Row[][] = []
  for (let round = 0; round < options.rounds; round += 1) {
    const rows: Row[] = []
    for (const workload of workloads) rows.push(await measure(workload, options))
    rounds.push(rows)
  }
  const rows = workloads.map((_, index) => medianRow(rounds.map((round) => round[index]!)))
  const ratio = (base: string, row: Row, of: (own: Row, other: Row) => number): number =>
    median(
      rounds.map((round) => {
        const other = round.find(({ name, subject }) => name === row.name && subject === base)!
        return of(round[rows.indexOf(row)]!, other)
      }),
    )
  return {
    rows,
    ratioTo: (base, row) =>
      ratio(base, row, (own, other) => other.cpuMicrosPerRequest / own.cpuMicrosPerRequest),
    p99RatioTo: (base, row) => ratio(base, row, (own, other) => own.p99Ms / other.p99Ms),
  }
}

function medianRow(rows: Row[]): Row {
  const of = (read: (row: Row) => number): number => median(rows.map(read))
  return {
    name: rows[0]!.name,
    subject: rows[0]!.subject,
    rps: of((row) => row.rps),
    cpuMicrosPerRequest: of((row) => row.cpuMicrosPerRequest),
    p50Ms: of((row) => row.p50Ms),
    p99Ms: of((row) => row.p99Ms),
    rssMiB: of((row) => row.rssMiB),
  }
}

/** The middle value. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
