import { setTimeout } from 'node:timers/promises'
import { cpuMicrosOf, peakRssMiBOf, resetPeakRss, treeOf } from './cpu-time.ts'
import { median } from './measure.ts'
import { ObjectClient, type WireRequest } from './object-client.ts'

const WARM_UP_SECONDS = 0.5
/** A subject is asked for bodies up to here thousands of times a second, and needs longer until it runs as it will. */
const SMALL_BYTES_MAX = 128 * 1024
const SMALL_WARM_UP_SECONDS = 6

/** One kind of transfer repeated against one subject. */
export interface Transfer {
  readonly name: string
  readonly subject: string
  /** Undefined where the subject has no process of its own. */
  readonly pid: number | undefined
  readonly url: string
  readonly connections: number
  /** Plaintext bytes of one request's body or answer. */
  readonly bytes: number
  /** Makes the next request, signed. */
  readonly request: () => WireRequest
  readonly status: number
  /** Pause of a connection between two requests; without one it asks as fast as it is answered. */
  readonly pauseMs?: number
  /** Starts what runs at the same time, uncounted. */
  readonly beside?: () => Promise<{ stop(): Promise<void> }>
}

/** One line of the result table. */
export interface TransferRow {
  readonly name: string
  readonly subject: string
  readonly rps: number
  readonly cpuMicrosPerRequest: number
  readonly p99Ms: number
  /** Peak during the transfers. */
  readonly rssMiB: number
  readonly megabytesPerSecond: number
  readonly cpuMsPerMegabyte: number
}

/** Repeats a transfer for some seconds on kept-alive connections; what has begun is finished. */
export async function transfer(work: Transfer, seconds: number): Promise<TransferRow> {
  const beside = await work.beside?.()
  const clients = Array.from({ length: work.connections }, () => new ObjectClient(work.url))
  const processes = work.pid === undefined ? [] : treeOf(work.pid)
  for (const pid of processes) resetPeakRss(pid)
  const cpuBefore = sumOf(processes, cpuMicrosOf)
  const begin = performance.now()
  const latenciesMs: number[] = []
  try {
    await Promise.all(clients.map((client) => repeat(client, work, begin + seconds * 1000, latenciesMs)))
  } finally {
    for (const client of clients) client.close()
    await beside?.stop()
  }
  const elapsedSeconds = (performance.now() - begin) / 1000
  const cpuMicros = sumOf(processes, cpuMicrosOf) - cpuBefore
  const requests = latenciesMs.length
  const megabytes = (requests * work.bytes) / 1e6
  return {
    name: work.name,
    subject: work.subject,
    rps: requests / elapsedSeconds,
    cpuMicrosPerRequest: cpuMicros / requests,
    p99Ms: latenciesMs.toSorted((a, b) => a - b)[Math.ceil(requests * 0.99) - 1]!,
    rssMiB: sumOf(processes, peakRssMiBOf),
    megabytesPerSecond: megabytes / elapsedSeconds,
    cpuMsPerMegabyte: cpuMicros / 1000 / megabytes,
  }
}

function sumOf(processes: readonly number[], figure: (pid: number) => number | undefined): number {
  return processes.reduce((sum, pid) => sum + (figure(pid) ?? 0), 0)
}

async function repeat(
  client: ObjectClient,
  work: Transfer,
  until: number,
  latenciesMs: number[],
): Promise<void> {
  do {
    const request = work.request()
    const begin = performance.now()
    const answer = await client.send(request).catch((cause: unknown) => {
      throw new Error(`${work.name}/${work.subject}: request ${latenciesMs.length + 1} failed`, { cause })
    })
    latenciesMs.push(performance.now() - begin)
    if (answer.status !== work.status || (request.body === undefined && answer.bodyBytes !== work.bytes)) {
      throw new Error(`${work.name}/${work.subject}: status ${answer.status}, ${answer.bodyBytes} bytes`)
    }
    if (work.pauseMs !== undefined) await setTimeout(work.pauseMs)
  } while (performance.now() < until)
}

/** Medians of several rounds, and the medians of what each round says of two subjects relative to each other. */
export interface TransferMeasurement {
  readonly rows: TransferRow[]
  /** MB/s of one subject divided by those of another in the same round; undefined where either is missing. */
  ratio(name: string, subject: string, base: string): number | undefined
  /** 99th percentile of one transfer divided by that of another of the same subject in the same round. */
  slowdown(name: string, base: string, subject: string): number | undefined
}

/** Runs all transfers in turn, round after round, so that noise hits all alike; the round before the first warms up. */
export async function transferInRounds(
  work: readonly Transfer[],
  options: { readonly rounds: number; readonly seconds: number },
): Promise<TransferMeasurement> {
  for (const each of work) await transfer(each, warmUpSecondsOf(each))
  const rounds: TransferRow[][] = []
  for (let round = 0; round < options.rounds; round += 1) {
    const rows: TransferRow[] = []
    for (const each of work) rows.push(await transfer(each, options.seconds))
    rounds.push(rows)
  }
  const p99 = (rows: TransferRow[], name: string, subject: string): number | undefined =>
    rows.find((row) => row.name === name && row.subject === subject)?.p99Ms
  const speed = (rows: TransferRow[], name: string, subject: string): number | undefined =>
    rows.find((row) => row.name === name && row.subject === subject)?.megabytesPerSecond
  return {
    rows: work.map((_, index) => medianRow(rounds.map((round) => round[index]!))),
    slowdown: (name, base, subject) => {
      if (p99(rounds[0]!, name, subject) === undefined || p99(rounds[0]!, base, subject) === undefined)
        return undefined
      return median(rounds.map((round) => p99(round, name, subject)! / p99(round, base, subject)!))
    },
    ratio: (name, subject, base) => {
      if (speed(rounds[0]!, name, subject) === undefined || speed(rounds[0]!, name, base) === undefined)
        return undefined
      return median(rounds.map((round) => speed(round, name, subject)! / speed(round, name, base)!))
    },
  }
}

function warmUpSecondsOf({ bytes, pauseMs }: Transfer): number {
  return bytes <= SMALL_BYTES_MAX && pauseMs === undefined ? SMALL_WARM_UP_SECONDS : WARM_UP_SECONDS
}

function medianRow(rows: readonly TransferRow[]): TransferRow {
  const of = (read: (row: TransferRow) => number): number => median(rows.map(read))
  return {
    name: rows[0]!.name,
    subject: rows[0]!.subject,
    rps: of((row) => row.rps),
    cpuMicrosPerRequest: of((row) => row.cpuMicrosPerRequest),
    p99Ms: of((row) => row.p99Ms),
    rssMiB: Math.max(...rows.map((row) => row.rssMiB)),
    megabytesPerSecond: of((row) => row.megabytesPerSecond),
    cpuMsPerMegabyte: of((row) => row.cpuMsPerMegabyte),
  }
}
