import type { AnyJson } from './any-json.ts'

/** Everything a gateway logs, in memory. */
export class LogCapture {
  readonly #lines: string[] = []

  /** A destination for the logger. */
  write(line: string): void {
    this.#lines.push(line)
  }

  get text(): string {
    return this.#lines.join('')
  }

  /** Lines with this message, parsed. */
  of(message: string): Record<string, AnyJson>[] {
    return this.#lines
      .map((line) => JSON.parse(line) as Record<string, AnyJson>)
      .filter((entry) => entry['msg'] === message)
  }

  clear(): void {
    this.#lines.length = 0
  }
}
