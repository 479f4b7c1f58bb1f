import { readFileSync } from 'node:fs'

// Linux counts CPU time of a process in ticks of 1/100 s (USER_HZ, proc(5)).
const MICROS_PER_TICK = 10_000

/** User and system CPU time of a process and its threads so far, in microseconds; undefined off Linux. */
export function cpuMicrosOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
  } catch {
    return undefined
  }
}

/** Resident memory of a process in MiB; undefined off Linux. */
export function rssMiBOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  } catch {
    return undefined
  }
}
