import type { FieldRule } from '../../coverage/field-rule.ts'
import type { PathState } from '../../coverage/path-state.ts'
import type { Chunk } from './chunk.ts'
import {
  ACTIONS,
  AFTER_IN_ARRAY,
  CLOSE,
  END,
  expectsValue,
  FIRST_ELEMENT,
  FIRST_NAME,
  FOLLOW,
  OPEN_ARRAY,
  OPEN_OBJECT,
  REFUSE,
  SHIFT,
  VALUE_ALONE,
  VALUE_IN_OBJECT,
} from './grammar.ts'
import type { JsonLimits } from './limits.ts'
import { MemberNames } from './member-names.ts'
import { JsonSyntaxError } from './syntax-error.ts'
import { ValueSkipper } from './value-skipper.ts'

/** What `run` and `finish` stopped for. */
type WalkEvent =
  /** All bytes given have been read. */
  | 'more'
  /** A covered value is complete: it ends at `position`. */
  | 'covered'

/** Between values, inside a name, inside a value nobody looks into, inside a covered value. */
const WALKING = 0
const NAMING = 1
const SKIPPING = 2
const COVERING = 3

/**
 * What becomes of a value at a covered path: it passes as it is; it is taken; or it is a string that is taken by
 * someone who looks at every byte of its content, so that the walker need not.
 */
export type Taking = 'pass' | 'take' | 'take-unread'

/** Decides about a value at a covered path from its first byte. May throw. */
type TakeCovered = (firstByte: number, insideArray: boolean) => Taking

/**
 * Walks one JSON document at a time along a coverage: checks the grammar of every byte, enters what the coverage
 * descends into, and stops at the end of every covered value. Resumes at any byte. Never recurses.
 */
export class DocumentWalker {
  readonly names: MemberNames
  /** Index behind what was read. */
  position = 0
  /** Index of the covered value's first byte in the chunk it began in; -1 once that chunk has gone. */
  valueStart = 0
  rule: FieldRule | undefined
  readonly #root: PathState
  readonly #depthMax: number
  readonly #take: TakeCovered
  readonly #skipper: ValueSkipper
  readonly #states: PathState[] = []
  /** What is expected after each open container closes. */
  readonly #after: number[] = []
  #depth = 0
  #arrays = 0
  #expect = VALUE_ALONE
  #member: PathState
  #phase = WALKING

  constructor(root: PathState, limits: JsonLimits, take: TakeCovered, fieldName = '') {
    this.#root = root
    this.#member = root
    this.#depthMax = limits.depthMax
    this.#take = take
    this.#skipper = new ValueSkipper(limits.depthMax)
    this.names = new MemberNames(limits.nameBytesMax, fieldName)
  }

  /** True inside a covered value. */
  get covering(): boolean {
    return this.#phase === COVERING
  }

  /** True when the covered string just read has escapes in it. */
  get escaped(): boolean {
    return this.#skipper.tokens.escaped
  }

  /** Containers around the current value. */
  get depth(): number {
    return this.#depth
  }

  /** True once a whole document has been read. */
  get complete(): boolean {
    return this.#phase === WALKING && this.#expect === END
  }

  /** True while no byte of a document but whitespace has been read. */
  get blank(): boolean {
    return this.#phase === WALKING && this.#expect === VALUE_ALONE
  }

  /** Back to the start, for the next document. */
  reset(): void {
    this.#depth = 0
    this.#arrays = 0
    this.#expect = VALUE_ALONE
    this.#member = this.#root
    this.#phase = WALKING
    this.names.reset()
  }

  /** Reads `chunk` from `from` up to `to`. Throws `JsonSyntaxError`. */
  run(chunk: Chunk, from: number, to: number): WalkEvent {
    let at = from
    if (this.#phase === NAMING) {
      at = this.#nameRest(chunk, at, at, to)
    } else if (this.#phase !== WALKING) {
      at = this.#skipper.run(chunk, at, to)
      if (this.#skipper.done && this.#valueDone(at)) return 'covered'
    }
    if (this.#phase === WALKING) return this.#walk(chunk, at, to)
    this.position = to
    return 'more'
  }

  /** The input has ended: a number at the top is complete only now. */
  finish(): WalkEvent {
    if (this.#phase === SKIPPING || this.#phase === COVERING) {
      this.#skipper.endOfInput()
      if (this.#skipper.done && this.#valueDone(this.position)) return 'covered'
    }
    return 'more'
  }

  /** The chunk's memory is about to go. */
  detach(chunk: Buffer): void {
    this.names.detach(chunk)
    this.valueStart = -1
  }

  #walk(chunk: Chunk, from: number, to: number): WalkEvent {
    const bytes = chunk.bytes
    let at = from
    while (at < to) {
      const expect = this.#expect
      const action = ACTIONS[(expect << 8) | bytes[at]!]!
      if (action >= SHIFT) {
        this.#expect = action - SHIFT
        at++
      } else if (action === CLOSE) {
        this.#close()
        at++
      } else if (action === REFUSE) {
        throw new JsonSyntaxError('unexpected byte', at)
      } else if (!expectsValue(expect)) {
        at = this.#nameRest(chunk, at + 1, at + 1, to)
        if (this.#phase === NAMING) break
      } else {
        const state = expect <= VALUE_IN_OBJECT ? this.#member : this.#states[this.#depth - 1]!.element
        if ((action === OPEN_OBJECT || action === OPEN_ARRAY) && state.action === 'descend') {
          this.#open(state, action, at)
          at++
        } else {
          at = this.#value(chunk, state, at, to)
          if (!this.#skipper.done) break
          if (this.#valueDone(at)) return 'covered'
        }
      }
    }
    this.position = at
    return 'more'
  }

  /** Reads a value that is not entered, of which `from` is the first byte. */
  #value(chunk: Chunk, state: PathState, from: number, to: number): number {
    const skipper = this.#skipper
    skipper.begin(this.#depth)
    this.#phase = SKIPPING
    if (state.action !== 'clear' && (state.action === 'seal' || state.rule !== undefined)) {
      if (state.rule === undefined) throw new TypeError('a coverage seals a path without a rule')
      const taking = this.#take(chunk.bytes[from]!, this.#arrays > 0)
      if (taking !== 'pass') {
        this.#phase = COVERING
        this.rule = state.rule
        this.valueStart = from
        const end = taking === 'take-unread' ? chunk.plainStringEnd(from + 1, to) : -1
        if (end !== -1) {
          skipper.done = true
          return end + 1
        }
      }
    }
    return skipper.run(chunk, from, to)
  }

  /** A value that was not entered is complete; true if it is a covered one. */
  #valueDone(at: number): boolean {
    const covered = this.#phase === COVERING
    this.#phase = WALKING
    this.#expect = FOLLOW[this.#expect]!
    this.position = at
    return covered
  }

  /** Reads a member name, whose bytes in this chunk begin at `start`, on from `from`. */
  #nameRest(chunk: Chunk, start: number, from: number, to: number): number {
    const tokens = this.#skipper.tokens
    let at: number
    if (tokens.cut) {
      at = tokens.resume(chunk, from, to)
    } else {
      tokens.escaped = false
      at = tokens.string(chunk, from, to)
    }
    if (tokens.cut) {
      this.#phase = NAMING
      this.names.cut(chunk.bytes, start, to)
      return to
    }
    this.names.complete(chunk.bytes, start, at - 1, tokens.escaped)
    this.#phase = WALKING
    this.#expect = FOLLOW[this.#expect]!
    this.#member = this.#states[this.#depth - 1]!.member(this.names.bytes, this.names.start, this.names.end)
    return at
  }

  #open(state: PathState, action: number, at: number): void {
    if (this.#depth >= this.#depthMax) {
      throw new JsonSyntaxError(`nested deeper than ${this.#depthMax} levels`, at)
    }
    this.#states[this.#depth] = state
    this.#after[this.#depth++] = FOLLOW[this.#expect]!
    if (action === OPEN_OBJECT) {
      this.#expect = FIRST_NAME
      return
    }
    this.#arrays++
    this.names.enterArray()
    this.#expect = FIRST_ELEMENT
  }

  #close(): void {
    // Which kind of container closes is known by what was expected inside it.
    if (this.#expect === FIRST_ELEMENT || this.#expect === AFTER_IN_ARRAY) {
      this.#arrays--
      this.names.leaveArray()
    }
    this.#expect = this.#after[--this.#depth]!
    if (this.#expect === AFTER_IN_ARRAY) this.names.backInArray()
  }
}
