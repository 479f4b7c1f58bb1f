import { AwsError } from '../aws-error.ts'

/** Bounds of a text parameter, in characters. */
export interface ParameterRule {
  readonly min?: number
  readonly max: number
  /** The pattern as AWS shows it; it must match the whole value. */
  readonly pattern?: string
}

const PARAMETERS_MAX = 500

/** The parameters of an AWS query request (`application/x-www-form-urlencoded`). */
export class Form {
  readonly #parameters: ReadonlyMap<string, string>

  constructor(body: string) {
    const parameters = new Map<string, string>()
    for (const [name, value] of new URLSearchParams(body)) {
      if (parameters.size >= PARAMETERS_MAX) throw new AwsError('MalformedQueryString', 'Too many parameters')
      parameters.set(name, value)
    }
    this.#parameters = parameters
  }

  /** A text, or undefined where it is absent. */
  text(name: string, rule: ParameterRule): string | undefined {
    const value = this.#parameters.get(name)
    if (value === undefined) return undefined
    if (rule.pattern !== undefined && !new RegExp(`^(?:${rule.pattern})$`, 'u').test(value)) {
      throw violation(name, value, `Member must satisfy regular expression pattern: ${rule.pattern}`)
    }
    if (value.length < (rule.min ?? 0)) {
      throw violation(name, value, `Member must have length greater than or equal to ${rule.min ?? 0}`)
    }
    if (value.length > rule.max)
      throw violation(name, value, `Member must have length less than or equal to ${rule.max}`)
    return value
  }

  /** A text that must be there. */
  requiredText(name: string, rule: ParameterRule): string {
    const value = this.text(name, rule)
    if (value === undefined) {
      throw new AwsError(
        'ValidationError',
        `1 validation error detected: Value null at '${memberName(name)}' failed to satisfy constraint: Member must not be null`,
      )
    }
    return value
  }

  /** A whole number, or undefined where it is absent. */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.#parameters.get(name)
    if (text === undefined) return undefined
    if (!/^-?\d{1,12}$/.test(text)) throw new AwsError('MalformedInput', `${name} is not a whole number`)
    const value = Number(text)
    if (value < min) throw violation(name, text, `Member must have value greater than or equal to ${min}`)
    if (value > max) throw violation(name, text, `Member must have value less than or equal to ${max}`)
    return value
  }

  /** Structures of a list: `Tags.member.1.Key` gives `{ Key }` for `Tags`. */
  structures(name: string, countMax: number): Record<string, string>[] {
    const list: Record<string, string>[] = []
    for (let index = 1; ; index++) {
      const prefix = `${name}.member.${index}`
      const entry: Record<string, string> = {}
      for (const [key, value] of this.#parameters) {
        if (key === prefix) entry[''] = value
        else if (key.startsWith(`${prefix}.`)) entry[key.slice(prefix.length + 1)] = value
      }
      if (Object.keys(entry).length === 0) return list
      if (index > countMax) {
        throw violation(name, undefined, `Member must have length less than or equal to ${countMax}`)
      }
      list.push(entry)
    }
  }

  /** Whether the parameter, or any member of it, was sent. */
  has(name: string): boolean {
    if (this.#parameters.has(name)) return true
    for (const key of this.#parameters.keys()) if (key.startsWith(`${name}.`)) return true
    return false
  }

  /** All parameters, for the event log. */
  entries(): Iterable<[string, string]> {
    return this.#parameters
  }
}

function violation(name: string, value: string | undefined, rule: string): AwsError {
  const shown = value === undefined ? 'Value' : `Value '${value}'`
  return new AwsError(
    'ValidationError',
    `1 validation error detected: ${shown} at '${memberName(name)}' failed to satisfy constraint: ${rule}`,
  )
}

function memberName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
