import { AwsError, constraintViolation, validationException } from '../aws-error.ts'

/** Bounds of a text member, in characters. */
export interface TextRule {
  readonly min?: number
  readonly max: number
  readonly values?: readonly string[]
  readonly pattern?: RegExp
}

const KEY_ID_RULE: TextRule = { min: 1, max: 2048 }
const ENCRYPTION_CONTEXT_BYTES_MAX = 8192

/**
 * The members of a JSON 1.1 request. Each accessor checks type and bounds and fails in AWS's words;
 * unknown members are ignored, as AWS does.
 */
export class Input {
  readonly #members: Record<string, unknown>
  readonly #path: string

  constructor(members: Record<string, unknown>, path = '') {
    this.#members = members
    this.#path = path
  }

  /** A text, or undefined where it is absent. */
  text(name: string, rule: TextRule): string | undefined {
    const value = this.#member(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw notConvertible(value, 'String')
    const where = this.#where(name)
    if (rule.values && !rule.values.includes(value)) {
      throw constraintViolation(
        where,
        value,
        `Member must satisfy enum value set: [${rule.values.join(', ')}]`,
      )
    }
    checkLength(where, value, value.length, rule.min, rule.max)
    if (rule.pattern && !rule.pattern.test(value)) {
      throw constraintViolation(
        where,
        value,
        `Member must satisfy regular expression pattern: ${rule.pattern.source}`,
      )
    }
    return value
  }

  /** A text that must be there. */
  requiredText(name: string, rule: TextRule): string {
    return this.text(name, rule) ?? missing(this.#where(name))
  }

  /** `KeyId` in any of its four forms. */
  keyId(name = 'KeyId'): string {
    return this.requiredText(name, KEY_ID_RULE)
  }

  /** `KeyId` where it is optional. */
  optionalKeyId(name = 'KeyId'): string | undefined {
    return this.text(name, KEY_ID_RULE)
  }

  /** A blob of `min` to `max` bytes. */
  bytes(name: string, min: number, max: number): Buffer {
    const value = this.#member(name)
    if (value === undefined) return missing(this.#where(name))
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      throw notConvertible(value, 'blob')
    const bytes = Buffer.from(value, 'base64')
    checkLength(this.#where(name), undefined, bytes.length, min, max)
    return bytes
  }

  /** A whole number, or undefined where it is absent. */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.#member(name)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value)) throw notConvertible(value, 'Integer')
    const where = this.#where(name)
    if (value < min) {
      throw constraintViolation(
        where,
        String(value),
        `Member must have value greater than or equal to ${min}`,
      )
    }
    if (value > max) {
      throw constraintViolation(where, String(value), `Member must have value less than or equal to ${max}`)
    }
    return value
  }

  /** A boolean; absent means false. */
  flag(name: string): boolean {
    const value = this.#member(name)
    if (value === undefined) return false
    if (typeof value !== 'boolean') throw notConvertible(value, 'Boolean')
    return value
  }

  /** An encryption context; absent means empty. At most 8,192 bytes. */
  encryptionContext(name = 'EncryptionContext'): Record<string, string> {
    return this.textMap(name) ?? {}
  }

  /** A map of texts, or undefined where it is absent. */
  textMap(name: string): Record<string, string> | undefined {
    const value = this.#member(name)
    if (value === undefined) return undefined
    if (!isRecord(value)) throw notConvertible(value, 'Map')
    let size = 0
    const map: Record<string, string> = Object.create(null) as Record<string, string>
    for (const [key, text] of Object.entries(value)) {
      if (typeof text !== 'string') throw notConvertible(text, 'String')
      size += Buffer.byteLength(key) + Buffer.byteLength(text)
      map[key] = text
    }
    if (size > ENCRYPTION_CONTEXT_BYTES_MAX) {
      throw validationException(`EncryptionContext is larger than ${ENCRYPTION_CONTEXT_BYTES_MAX} bytes.`)
    }
    return map
  }

  /** A list of texts; absent means empty. */
  texts(name: string, countMax: number, rule: TextRule): string[] {
    const value = this.#member(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) throw notConvertible(value, 'List')
    checkLength(this.#where(name), undefined, value.length, 0, countMax)
    return value.map((entry, index) => {
      return new Input({ member: entry }, `${this.#where(name)}.${index + 1}.`).requiredText('member', rule)
    })
  }

  /** A list of structures, or undefined where it is absent. */
  structures(name: string, countMax: number): Input[] | undefined {
    const value = this.#member(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw notConvertible(value, 'List')
    checkLength(this.#where(name), undefined, value.length, 0, countMax)
    return value.map((entry, index) => {
      if (!isRecord(entry)) throw notConvertible(entry, 'Structure')
      return new Input(entry, `${this.#where(name)}.${index + 1}.member.`)
    })
  }

  /** One structure, or undefined where it is absent. */
  structure(name: string): Input | undefined {
    const value = this.#member(name)
    if (value === undefined) return undefined
    if (!isRecord(value)) throw notConvertible(value, 'Structure')
    return new Input(value, `${this.#where(name)}.`)
  }

  /** Whether the member was sent. */
  has(name: string): boolean {
    return this.#member(name) !== undefined
  }

  #member(name: string): unknown {
    const value = Object.hasOwn(this.#members, name) ? this.#members[name] : undefined
    return value === null ? undefined : value
  }

  #where(name: string): string {
    return this.#path + name.charAt(0).toLowerCase() + name.slice(1)
  }
}

/** `Member must not be null`. */
function missing(where: string): never {
  throw constraintViolation(where, null, 'Member must not be null')
}

function checkLength(
  where: string,
  shown: string | undefined,
  length: number,
  min: number | undefined,
  max: number,
): void {
  if (length < (min ?? 0)) {
    throw constraintViolation(where, shown, `Member must have length greater than or equal to ${min ?? 0}`)
  }
  if (length > max)
    throw constraintViolation(where, shown, `Member must have length less than or equal to ${max}`)
}

function notConvertible(value: unknown, type: string): AwsError {
  const kind = value === null ? 'NULL' : Array.isArray(value) ? 'ARRAY' : typeof value
  return new AwsError('SerializationException', `${kind.toUpperCase()}_VALUE cannot be converted to ${type}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
