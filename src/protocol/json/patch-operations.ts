import type { FieldRule } from '../../coverage/field-rule.ts'
import type { PathState } from '../../coverage/path-state.ts'
import { PortcullisError } from '../../errors.ts'
import { Chunk } from './chunk.ts'
import { DocumentWalker } from './document-walker.ts'
import { DEFAULT_JSON_LIMITS, type JsonLimits } from './limits.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { Utf8Checker } from './utf8.ts'

const OPEN_BRACE = 0x7b

/** One operation of a JSON Patch (RFC 6902 section 4), its value as a range of the body. */
export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  readonly path: string
  /** Empty unless `op` is `move` or `copy`. */
  readonly from: string
  /** Both 0 unless `op` is `add`, `replace` or `test`. */
  readonly valueStart: number
  readonly valueEnd: number
}

/** Members that each kind of operation has. */
const MEMBERS: Readonly<Record<PatchOperation['op'], readonly string[]>> = {
  add: ['op', 'path', 'value'],
  remove: ['op', 'path'],
  replace: ['op', 'path', 'value'],
  move: ['op', 'path', 'from'],
  copy: ['op', 'path', 'from'],
  test: ['op', 'path', 'value'],
}

/**
 * Reads the operations of a JSON Patch. Stricter than RFC 6902: no member twice and none that the operation does
 * not have, so that nothing reaches the store that was not looked at.
 *
 * Errors: `json-malformed`, `request-malformed`.
 */
export function readPatch(body: Buffer, limits: Partial<JsonLimits> = {}): PatchOperation[] {
  const all = { ...DEFAULT_JSON_LIMITS, ...limits }
  try {
    const invalid = new Utf8Checker().check(body)
    if (invalid >= 0) throw new JsonSyntaxError('invalid UTF-8', invalid)
    const chunk = new Chunk()
    chunk.set(body)
    const operations: PatchOperation[] = []
    forEachMember(
      new DocumentWalker(PATCH, all, () => 'take'),
      chunk,
      0,
      body.length,
      (rule, _name, start, end) => {
        if (rule !== WANTED || body[start] !== OPEN_BRACE) throw malformed('it is not a list of operations')
        operations.push(readOperation(chunk, start, end, all))
      },
    )
    return operations
  } catch (error) {
    throw error instanceof JsonSyntaxError ? error.asMalformedRequest(0) : error
  }
}

function readOperation(chunk: Chunk, from: number, to: number, limits: JsonLimits): PatchOperation {
  const ranges = new Map<string, { readonly start: number; readonly end: number }>()
  forEachMember(
    new DocumentWalker(OPERATION, limits, () => 'take'),
    chunk,
    from,
    to,
    (_rule, name, start, end) => {
      if (ranges.has(name)) throw malformed('an operation has a member twice')
      ranges.set(name, { start, end })
    },
  )
  const text = (name: string): string => {
    const range = ranges.get(name)
    const parsed: unknown = range && JSON.parse(chunk.bytes.toString('utf8', range.start, range.end))
    if (typeof parsed === 'string' && parsed.isWellFormed()) return parsed
    throw malformed(`an operation has no "${name}", or one that is not a string`)
  }
  const op = text('op')
  if (!Object.hasOwn(MEMBERS, op)) throw malformed('an operation is of a kind that RFC 6902 does not know')
  const members = MEMBERS[op as PatchOperation['op']]
  for (const name of members)
    if (!ranges.has(name)) throw malformed(`an operation of kind "${op}" needs "${name}"`)
  if (ranges.size > members.length)
    throw malformed(`an operation of kind "${op}" has a member that it does not know`)
  return {
    op: op as PatchOperation['op'],
    path: text('path'),
    from: members.includes('from') ? text('from') : '',
    valueStart: ranges.get('value')?.start ?? 0,
    valueEnd: ranges.get('value')?.end ?? 0,
  }
}

/** Calls back for every value that the walker's coverage names. */
function forEachMember(
  walker: DocumentWalker,
  chunk: Chunk,
  from: number,
  to: number,
  found: (rule: FieldRule, name: string, start: number, end: number) => void,
): void {
  let at = from
  while (walker.run(chunk, at, to) === 'covered') {
    const { names } = walker
    at = walker.position
    found(walker.rule!, names.bytes.toString('utf8', names.start, names.end), walker.valueStart, at)
  }
  if (!walker.complete) throw new JsonSyntaxError('body ends inside the document', to)
}

function malformed(why: string): PortcullisError {
  return new PortcullisError('request-malformed', `The body is not a JSON Patch: ${why}.`)
}

// The walker finds the parts of a patch as it finds covered values: by a coverage made for the purpose.
const WANTED: FieldRule = { dataClass: 'issue', mode: 'randomized' }
const UNEXPECTED: FieldRule = { dataClass: 'issue', mode: 'randomized' }

function whole(rule: FieldRule): PathState {
  return {
    action: 'seal',
    rule,
    member: () => whole(rule),
    get element(): PathState {
      return whole(rule)
    },
  }
}

const wanted = whole(WANTED)
const unexpected = whole(UNEXPECTED)

/** The elements of an array at the top. */
const PATCH: PathState = { action: 'descend', rule: UNEXPECTED, member: () => unexpected, element: wanted }
/** The members of an object at the top. */
const OPERATION: PathState = {
  action: 'descend',
  rule: UNEXPECTED,
  member: () => wanted,
  element: unexpected,
}
