import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  visit,
} from 'yaml'
import type { ConfigPath, Finding, RuleFinding } from './finding.ts'
import { formatPath } from './finding.ts'

/** Longest file that is read: some hundred thousand sites. */
export const CONFIGURATION_BYTES_MAX = 32 * 1024 * 1024
const NESTING_MAX = 32
const ALIASES_MAX = 100

/** A parsed YAML file that remembers where everything stands. */
export class YamlSource {
  readonly file: string
  /** Plain data; undefined when the text is not usable YAML. */
  readonly data: unknown
  /** What the YAML itself breaks. */
  readonly findings: readonly Finding[]
  readonly #document: Document | undefined
  readonly #lines = new LineCounter()

  constructor(text: string, file: string) {
    this.file = file
    const findings: Finding[] = []
    const tooDeep = nestingExcess(text)
    if (text.length > CONFIGURATION_BYTES_MAX) {
      findings.push(this.#atOffset(undefined, 'file-size', 'the file is too long', 'Keep it below 32 MiB'))
    } else if (tooDeep !== undefined) {
      this.#countLines(text)
      const remedy = `Nest at most ${NESTING_MAX} levels`
      findings.push(this.#atOffset(tooDeep, 'yaml', 'the file is nested too deeply', remedy))
    } else {
      this.#document = this.#parse(text, findings)
      this.data = findings.length === 0 ? this.#toData(findings) : undefined
    }
    this.findings = findings
  }

  /** Gives a rule's finding its position: of the value, or of the key, or of the nearest parent that is there. */
  locate(finding: RuleFinding): Finding {
    const { line, column } = this.#position(finding.path, finding.atKey === true)
    return {
      severity: finding.severity,
      rule: finding.rule,
      file: this.file,
      line,
      column,
      path: formatPath(finding.path),
      reason: finding.reason,
      remedy: finding.remedy,
    }
  }

  #parse(text: string, findings: Finding[]): Document | undefined {
    try {
      const document = parseDocument(text, {
        lineCounter: this.#lines,
        // Pretty errors quote the file, which may hold what should not be repeated.
        prettyErrors: false,
        // Silent would take the first of several documents and say nothing of the others.
        logLevel: 'error',
        version: '1.2',
      })
      for (const problem of [...document.errors, ...document.warnings]) {
        findings.push(this.#atOffset(problem.pos[0], 'yaml', yamlReason(problem.message), 'Correct the YAML'))
      }
      return document
    } catch {
      findings.push(this.#atOffset(undefined, 'yaml', 'the file cannot be read as YAML', 'Correct the YAML'))
      return undefined
    }
  }

  #toData(findings: Finding[]): unknown {
    try {
      return this.#document?.toJS({ maxAliasCount: ALIASES_MAX })
    } catch {
      const remedy = `Use at most ${ALIASES_MAX} aliases, none within its own anchor`
      const offset = this.#document && brokenAlias(this.#document)
      findings.push(this.#atOffset(offset, 'yaml', 'the aliases of the file cannot be resolved', remedy))
      return undefined
    }
  }

  #position(path: ConfigPath, atKey: boolean): { line: number; column: number } {
    let node: Node | null | undefined = this.#document?.contents
    // Where to point when the path ends early: at the key that holds what should have the missing part.
    let holder = node?.range?.[0]
    for (const [index, part] of path.entries()) {
      const resolved: Node | null | undefined = isAlias(node) ? node.resolve(this.#document!) : node
      const pair = isMap(resolved) ? pairOf(resolved.items, part) : undefined
      const keyOffset = (pair?.key as Node | null | undefined)?.range?.[0]
      if (atKey && keyOffset !== undefined && index === path.length - 1) return this.#lineColumn(keyOffset)
      const next = isSeq(resolved)
        ? (resolved.items[Number(part)] as Node | undefined)
        : (pair?.value as Node | null)
      if (pair === undefined && next === undefined) return this.#lineColumn(holder)
      holder = keyOffset ?? next?.range?.[0] ?? holder
      node = next
    }
    return this.#lineColumn(node?.range?.[0] ?? holder)
  }

  #atOffset(offset: number | undefined, rule: string, reason: string, remedy: string): Finding {
    return { severity: 'error', rule, file: this.file, ...this.#lineColumn(offset), path: '', reason, remedy }
  }

  #lineColumn(offset: number | undefined): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset ?? 0)
    return line === 0 ? { line: 1, column: 1 } : { line, column: col }
  }

  #countLines(text: string): void {
    this.#lines.addNewLine(0)
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.#lines.addNewLine(at + 1)
  }
}

function brokenAlias(document: Document): number | undefined {
  let offset: number | undefined
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined
      offset = alias.range?.[0]
      return visit.BREAK
    },
  })
  return offset
}

function pairOf(pairs: readonly Pair[], part: string | number): Pair | undefined {
  return pairs.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : undefined) === String(part))
}

/**
 * Offset at which flow collections open or indentation goes deeper than allowed, seen before parsing since the
 * parser recurses. An upper bound: brackets within texts count as well.
 */
function nestingExcess(text: string): number | undefined {
  let flow = 0
  let lineStart = true
  let compact = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (character === 0x5b || character === 0x7b) flow += 1
    else if ((character === 0x5d || character === 0x7d) && flow > 0) flow -= 1
    else if (character === 0x0a) {
      lineStart = true
      compact = 0
    } else if (lineStart && (character === 0x2d || character === 0x3f || character === 0x3a)) compact += 1
    else if (character !== 0x20 && character !== 0x2d && character !== 0x3f && character !== 0x3a)
      lineStart = false
    if (flow > NESTING_MAX || compact > 2 * NESTING_MAX) return at
  }
  return undefined
}

/** The parser's message without the part of the file that it may quote. */
function yamlReason(message: string): string {
  return message
    .split('\n')[0]!
    .replaceAll(/"[^"]*"|'[^']*'/g, '…')
    .replace(/[.:]$/, '')
    .slice(0, 200)
}
