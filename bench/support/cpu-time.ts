import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

// Linux counts CPU time of a process in ticks of 1/100 s (USER_HZ, proc(5)).
const MICROS_PER_TICK = 10_000

/** A process and all that descend from it; just itself off Linux. */
export function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of entriesOfProc()) {
    const parent = statOf(Number(entry))?.[1]
    if (parent !== undefined)
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(entry)])
  }
  const below = (parent: number): number[] => [parent, ...(children.get(parent) ?? []).flatMap(below)]
  return below(pid)
}

function entriesOfProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** What stands behind the name of a process in its `stat`; undefined where it is gone, or off Linux. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** User and system CPU time of a process and its threads so far, in microseconds; undefined off Linux. */
export function cpuMicrosOf(pid: number): number | undefined {
  const fields = statOf(pid)
  return fields && (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
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

/** Highest resident memory of a process since the last reset, in MiB; undefined off Linux. */
export function peakRssMiBOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  } catch {
    return undefined
  }
}

/** Begins a new peak of resident memory (proc(5), clear_refs); does nothing where that is not possible. */
export function resetPeakRss(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Off Linux, or another user's process: the peak is then that of its whole life.
  }
}
