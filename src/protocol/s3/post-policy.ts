import { S3Error } from './errors.ts'

/** What a form may be, as the owner of an access key has signed it (Amazon S3 API reference, "POST Policy"). */
export interface PostPolicy {
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number
  readonly conditions: readonly PostCondition[]
  /** Length of the file in bytes. */
  readonly fileBytesMin: number
  readonly fileBytesMax: number
}

/** What one field must be. */
export interface PostCondition {
  /** Lower case. */
  readonly field: string
  readonly operator: 'eq' | 'starts-with'
  readonly value: string
}

/** Fields that need no condition, beside those that begin with `x-ignore-`. */
const FREE = new Set(['policy', 'x-amz-signature', 'file'])

/** Reads a policy in base64. Throws `InvalidPolicyDocument`. */
export function parsePostPolicy(base64: string): PostPolicy {
  const document = jsonOf(base64)
  const { expiration, conditions } = document
  const expiresAtMs =
    typeof expiration === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(expiration)
      ? Date.parse(expiration)
      : Number.NaN
  if (Number.isNaN(expiresAtMs)) throw invalid('the expiration is not a time in ISO 8601, UTC')
  if (!Array.isArray(conditions) || conditions.length === 0) throw invalid('there is no list of conditions')
  const policy = { fileBytesMin: 0, fileBytesMax: Infinity }
  const read: PostCondition[] = []
  for (const condition of conditions as unknown[]) {
    if (isLengthRange(condition)) {
      const [, min, max] = condition.map(Number) as [number, number, number]
      if (condition.length !== 3 || !isBytes(min) || !isBytes(max) || min > max) {
        throw invalid('content-length-range takes two numbers of bytes')
      }
      policy.fileBytesMin = Math.max(policy.fileBytesMin, min)
      policy.fileBytesMax = Math.min(policy.fileBytesMax, max)
    } else read.push(...fieldConditions(condition))
  }
  return { expiresAtMs, conditions: read, ...policy }
}

/**
 * Throws `AccessDenied`, saying why, unless the policy holds now and every field of the form meets its conditions and has
 * one. `values` are by lower-case name; the bucket is that of the request.
 */
export function assertPolicyMet(
  policy: PostPolicy,
  values: ReadonlyMap<string, string>,
  bucket: string,
  nowMs: number,
): void {
  if (nowMs > policy.expiresAtMs) throw denied('Policy expired.')
  const covered = new Set<string>()
  for (const { field, operator, value } of policy.conditions) {
    covered.add(field)
    const actual = field === 'bucket' ? bucket : values.get(field)
    if (actual === undefined || !meets(field, operator, value, actual)) {
      throw denied(`Policy Condition failed: ["${operator}", "$${field}", "${value}"]`)
    }
  }
  for (const name of values.keys()) {
    if (!covered.has(name) && !FREE.has(name) && !name.startsWith('x-ignore-') && name !== 'bucket') {
      throw denied(`Extra input fields: ${name}`)
    }
  }
}

function meets(field: string, operator: PostCondition['operator'], value: string, actual: string): boolean {
  if (operator === 'eq') return actual === value
  const parts = field === 'content-type' ? actual.split(',').map((part) => part.trim()) : [actual]
  return parts.every((part) => part.startsWith(value))
}

function jsonOf(base64: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(Buffer.from(base64, 'base64').toString())
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>
  } catch {
    throw invalid('it is not JSON in base64')
  }
  throw invalid('it is no JSON object')
}

function fieldConditions(condition: unknown): PostCondition[] {
  if (Array.isArray(condition)) {
    const [operator, field, value] = condition as unknown[]
    const name = typeof operator === 'string' ? operator.toLowerCase() : ''
    const known = name === 'eq' || name === 'starts-with'
    if (condition.length !== 3 || !known || typeof field !== 'string' || !field.startsWith('$')) {
      throw invalid('a condition is not one that there is')
    }
    if (typeof value !== 'string') throw invalid('the value of a condition is not text')
    return [{ field: field.slice(1).toLowerCase(), operator: name, value }]
  }
  if (typeof condition !== 'object' || condition === null || Object.keys(condition).length === 0) {
    throw invalid('a condition is not one that there is')
  }
  return Object.entries(condition).map(([field, value]: [string, unknown]) => {
    if (typeof value !== 'string') throw invalid('the value of a condition is not text')
    return { field: field.toLowerCase(), operator: 'eq', value }
  })
}

function isLengthRange(condition: unknown): condition is unknown[] {
  if (!Array.isArray(condition)) return false
  const [name] = condition as unknown[]
  return typeof name === 'string' && name.toLowerCase() === 'content-length-range'
}

function isBytes(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function invalid(detail: string): S3Error {
  return new S3Error('InvalidPolicyDocument', `Invalid Policy: ${detail}.`)
}

function denied(detail: string): S3Error {
  return new S3Error('AccessDenied', `Invalid according to Policy: ${detail}`)
}
