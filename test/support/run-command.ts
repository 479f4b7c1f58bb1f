import { runProgram } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { AnyJson } from './any-json.ts'

/** What a command line came to. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
  /** What `--json` printed. */
  readonly json: AnyJson
}

/** Runs one command line as `main.ts` does, in this process. */
export async function runCommand(words: string[], terminal: Partial<Terminal> = {}): Promise<Ran> {
  let out = ''
  let error = ''
  const code = await runProgram(words, {
    environment: {},
    print: (text) => {
      out += text
    },
    printError: (text) => {
      error += text
    },
    stopRequested: new AbortController().signal,
    ...terminal,
  })
  return {
    code,
    out,
    error,
    get json(): unknown {
      return out.startsWith('{') || out.startsWith('[') ? (JSON.parse(out) as unknown) : undefined
    },
  }
}
