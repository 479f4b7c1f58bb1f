import { createInterface } from 'node:readline'

/** Writes a question and reads one line; an empty one when the input ends or `signal` is aborted first. */
export async function askQuestion(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<string> {
  output.write(question)
  const lines = createInterface({ input, signal })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
  }
}
