/** One file for the customer to apply. */
export interface GeneratedFile {
  readonly fileName: string
  /** What it makes, for people. */
  readonly purpose: string
  /** Region to apply it in; undefined where one file covers all. */
  readonly region: string | undefined
  readonly text: string
  /** Shell commands that apply it, in order. */
  readonly commands: readonly string[]
}

/** `text` broken at spaces into lines of at most `charactersMax`. */
export function wrapped(text: string, charactersMax = 100): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > charactersMax) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
