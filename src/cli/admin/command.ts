import type { Terminal } from '../terminal.ts'
import type { AdminClient } from './client.ts'
import type { Progress } from './progress.ts'

/** Parsed options of a command by their long names in camel case. */
export type Options = Readonly<Record<string, unknown>>

/** What a command came to. */
export interface Outcome {
  /** Printed by `--json`. */
  readonly value: unknown
  /** Printed without. */
  readonly text: string
  /** True makes the exit code 1 although nothing was refused: a verification found something. */
  readonly failed?: boolean
}

/** What a command works with. */
export interface CommandContext {
  readonly client: AdminClient
  readonly terminal: Terminal
  readonly options: Options
  readonly progress: Progress
  /** Entity tag of what was shown before it was confirmed; undefined where nothing was. */
  readonly ifMatch: string | undefined
}

/** What a command takes away, as it is now. */
interface Subject {
  /** What is to be typed. */
  readonly name: string
  readonly etag?: string | undefined
}

/** How a command is confirmed that is hard to undo. */
export interface Confirmation {
  /** What will happen. */
  readonly warning: string
  /** Reads what the command is about. */
  subject(client: AdminClient, ...parameters: string[]): Promise<Subject>
}

/** One command over the admin API; help, parsing and completion are made from these rows. */
export interface AdminCommand {
  /** Words of the command with its arguments, such as `site create <organization> <site>`. */
  readonly usage: string
  readonly summary: string
  /** Flags with their descriptions, as commander writes them. */
  readonly options?: readonly (readonly [flags: string, description: string])[]
  /** Of what is hard to undo: whoever sits at the terminal types a name, everybody else says `--yes`. */
  readonly confirm?: Confirmation
  run(context: CommandContext, ...parameters: string[]): Promise<Outcome>
}

/** An option that takes one value. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** An option that takes several values; empty when it was not given. */
export function listOption(options: Options, name: string): string[] {
  const value = options[name]
  return Array.isArray(value) ? value.map(String) : []
}
