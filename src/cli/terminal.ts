import type { ParentChannel } from '../replica/membership.ts'

/** What a command may know of the process it runs in; `main.ts` alone touches the real one. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Writes to standard output. */
  print(text: string): void
  /** Writes to standard error. */
  printError(text: string): void
  /** True when standard error is a terminal, on which something can be drawn in place. */
  readonly drawsProgress?: boolean
  /** Asks whoever sits at the terminal for a line; absent where nobody does. Resolves to an empty one at its end. */
  readonly ask?: (question: string) => Promise<string>
  /** Aborted by SIGINT or SIGTERM. */
  readonly stopRequested: AbortSignal
  /** The process that started this one as a part of itself. */
  readonly parent?: ParentChannel | undefined
}

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Resolves when the process is asked to stop. */
export async function untilStopRequested(terminal: Terminal): Promise<void> {
  if (terminal.stopRequested.aborted) return
  await new Promise<void>((resolve) => {
    terminal.stopRequested.addEventListener('abort', () => resolve(), { once: true })
  })
}
