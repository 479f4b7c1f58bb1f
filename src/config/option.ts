import { z } from 'zod'
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts'

/** What stands beside a key: documentation, reference file and error messages are all made from it. */
export interface OptionNote {
  /** What may be written, in words. */
  readonly type: string
  /** Unit of a bare number. */
  readonly unit?: string
  /** Default as it would be written; absent when the key is required or has no value unless set. */
  readonly default?: string | number | boolean
  /** A value for the reference file, instead of the default. */
  readonly example?: unknown
  /** The key excludes one before it, so the reference file shows it commented out. */
  readonly alternative?: boolean
  /** What the key does, and why it has this default. */
  readonly reason: string
}

/** Params of a `custom` issue of these schemas. */
export interface RefusalParams {
  readonly rule: string
  readonly reason: string
  readonly remedy: string
}

/** Attaches a note; must be the outermost wrapper of a key's schema. */
export function noted<Schema extends z.ZodType>(schema: Schema, note: OptionNote): Schema {
  return schema.meta({ option: note })
}

/** The note of a key's schema. */
export function noteOf(schema: z.ZodType): OptionNote | undefined {
  return schema.meta()?.['option'] as OptionNote | undefined
}

/** A key whose value is checked by `read`, which returns the parsed value or a refusal. */
export function parsed<Value>(read: (input: unknown) => Value | Refusal) {
  return z.unknown().transform((input, context): Value => {
    const result = read(input)
    if (!(result instanceof Refusal)) return result
    context.addIssue({ code: 'custom', message: result.params.reason, params: { ...result.params } })
    return z.NEVER
  })
}

/** Why `read` does not take a value. */
export class Refusal {
  readonly params: RefusalParams

  constructor(rule: string, reason: string, remedy: string) {
    this.params = { rule, reason, remedy }
  }
}

/** A duration key, parsed to milliseconds. */
export function duration(options: { default: string; min: string; max: string; reason: string }) {
  return quantity(parseDuration, formatDuration, 'duration such as "5s" or "250ms"', 'milliseconds', options)
}

/** A size key, parsed to bytes. */
export function size(options: { default: string; min: string; max: string; reason: string }) {
  return quantity(parseSize, formatSize, 'size such as "64KiB" or "10MB"', 'bytes', options)
}

function quantity(
  parse: (value: unknown) => number | undefined,
  format: (amount: number) => string,
  notation: string,
  unit: string,
  options: { default: string; min: string; max: string; reason: string },
) {
  const min = parse(options.min)!
  const max = parse(options.max)!
  const type = `${notation}, ${format(min)} to ${format(max)}`
  const schema = parsed((input) => {
    const amount = parse(input)
    if (amount === undefined)
      return new Refusal('type', `this is not a ${notation.split(' ')[0]}`, `Write a ${notation}`)
    if (amount < min || amount > max) {
      return new Refusal(
        'range',
        `${format(amount)} is out of range`,
        `Choose ${format(min)} to ${format(max)}`,
      )
    }
    return amount
  }).prefault(options.default)
  return noted(schema, { type, unit, default: options.default, reason: options.reason })
}

/** A whole-number key. */
export function count(options: { default: number; min: number; max: number; reason: string }) {
  const { min, max } = options
  const type = `whole number, ${min} to ${max}`
  return noted(z.int().min(min).max(max).default(options.default), {
    type,
    default: options.default,
    reason: options.reason,
  })
}

/** A yes-or-no key. */
export function flag(options: { default: boolean; example?: boolean; reason: string }) {
  return noted(z.boolean().default(options.default), { type: 'true or false', ...options })
}

/** A required text key. */
export function text(options: { charactersMax: number; type: string; example: string; reason: string }) {
  return noted(z.string().min(1).max(options.charactersMax), {
    type: options.type,
    example: options.example,
    reason: options.reason,
  })
}

/** A text key that may be left out. */
export function optionalText(options: {
  charactersMax: number
  type: string
  example: string
  alternative?: boolean
  reason: string
}) {
  const { charactersMax, ...note } = options
  return noted(z.string().min(1).max(charactersMax).optional(), note)
}

/** A key with a closed set of values, the first of which is the default. */
export function choice<const Values extends readonly [string, ...string[]]>(values: Values, reason: string) {
  const [fallback] = values as readonly [Values[number], ...Values[number][]]
  // The schema's input type cannot follow a generic default; its values are the same set.
  const schema = z.enum(values).default(fallback as never)
  return noted(schema, { type: `one of ${values.join(', ')}`, default: fallback, reason })
}

/** A section that may be left out: every key of it then has its default. */
export function section<Shape extends z.ZodRawShape>(shape: Shape, reason: string) {
  const schema = z.strictObject(shape).prefault({} as never)
  return noted(schema, { type: 'section', reason })
}

/** A section that is absent unless written. */
export function optionalSection<Shape extends z.ZodRawShape>(shape: Shape, reason: string) {
  return noted(z.strictObject(shape).optional(), { type: 'section, absent unless written', reason })
}

/** A list of sections, empty unless written. */
export function listOf<Shape extends z.ZodRawShape>(
  shape: Shape,
  options: { entriesMax: number; reason: string },
) {
  const schema = z.array(z.strictObject(shape)).max(options.entriesMax).default([])
  return noted(schema, { type: `list, at most ${options.entriesMax} entries`, reason: options.reason })
}

/** A list of texts. */
export function texts(options: {
  charactersMax: number
  entriesMin: number
  entriesMax: number
  type: string
  example: readonly string[]
  reason: string
}) {
  const list = z
    .array(z.string().min(1).max(options.charactersMax))
    .min(options.entriesMin)
    .max(options.entriesMax)
  const note = { type: `list of ${options.type}`, example: options.example, reason: options.reason }
  return options.entriesMin === 0 ? noted(list.default([]), note) : noted(list.prefault([]), note)
}
