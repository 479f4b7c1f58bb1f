import { BlockList, isIP } from 'node:net'
import { matchesWildcard } from './wildcard.ts'

/** Values of one request by lower-case condition key. A list is a multivalued key; an absent key is undefined. */
export type ConditionValues = Readonly<Record<string, string | readonly string[] | undefined>>

/** One operator on one key with its operands (IAM JSON policy element `Condition`). */
export interface Condition {
  readonly key: string
  readonly operands: readonly string[]
  readonly set: 'all' | 'any' | 'single'
  readonly ifExists: boolean
  readonly negated: boolean
  readonly test: (actual: string, operand: string) => boolean
  /** `Null` looks at presence instead of value. */
  readonly presence: boolean
}

interface Operator {
  readonly test: (actual: string, operand: string) => boolean
  readonly negated?: boolean
}

const number = (compare: (actual: number, operand: number) => boolean): Operator => ({
  test: (actual, operand) => compare(Number(actual), Number(operand)),
})
const date = (compare: (actual: number, operand: number) => boolean): Operator => ({
  test: (actual, operand) => compare(instant(actual), instant(operand)),
})

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { test: (actual, operand) => actual === operand },
  StringNotEquals: { test: (actual, operand) => actual === operand, negated: true },
  StringEqualsIgnoreCase: { test: equalsIgnoringCase },
  StringNotEqualsIgnoreCase: { test: equalsIgnoringCase, negated: true },
  StringLike: { test: (actual, operand) => matchesWildcard(operand, actual) },
  StringNotLike: { test: (actual, operand) => matchesWildcard(operand, actual), negated: true },
  ArnEquals: { test: matchesArn },
  ArnLike: { test: matchesArn },
  ArnNotEquals: { test: matchesArn, negated: true },
  ArnNotLike: { test: matchesArn, negated: true },
  Bool: { test: equalsIgnoringCase },
  NumericEquals: number((actual, operand) => actual === operand),
  NumericNotEquals: { ...number((actual, operand) => actual === operand), negated: true },
  NumericLessThan: number((actual, operand) => actual < operand),
  NumericLessThanEquals: number((actual, operand) => actual <= operand),
  NumericGreaterThan: number((actual, operand) => actual > operand),
  NumericGreaterThanEquals: number((actual, operand) => actual >= operand),
  DateEquals: date((actual, operand) => actual === operand),
  DateNotEquals: { ...date((actual, operand) => actual === operand), negated: true },
  DateLessThan: date((actual, operand) => actual < operand),
  DateLessThanEquals: date((actual, operand) => actual <= operand),
  DateGreaterThan: date((actual, operand) => actual > operand),
  DateGreaterThanEquals: date((actual, operand) => actual >= operand),
  IpAddress: { test: withinAddressRange },
  NotIpAddress: { test: withinAddressRange, negated: true },
  Null: { test: equalsIgnoringCase },
}

/** A condition, or the reason why `operator` or its operands are refused. */
export function parseCondition(
  operator: string,
  key: string,
  operands: readonly string[],
): Condition | string {
  let name = operator
  let set: Condition['set'] = 'single'
  if (name.startsWith('ForAllValues:')) set = 'all'
  if (name.startsWith('ForAnyValue:')) set = 'any'
  if (set !== 'single') name = name.slice(name.indexOf(':') + 1)
  const ifExists = name.endsWith('IfExists') && name !== 'NullIfExists'
  if (ifExists) name = name.slice(0, -'IfExists'.length)
  const found = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined
  if (!found) return `Invalid Condition type : ${operator}`
  if (!/^[^:\s]+:.+/.test(key)) return `Invalid condition key: ${key}`
  if (operands.length === 0) return `Condition ${operator} on ${key} has no values`
  if (name.endsWith('IpAddress')) {
    const bad = operands.find((operand) => !addressRange(operand))
    if (bad !== undefined) return `Invalid IP address range: ${bad}`
  }
  return {
    key: key.toLowerCase(),
    operands,
    set,
    ifExists,
    negated: found.negated === true,
    test: found.test,
    presence: name === 'Null',
  }
}

/** Whether `condition` holds; `expand` replaces policy variables in its operands. */
export function conditionHolds(
  condition: Condition,
  values: ConditionValues,
  expand: (operand: string) => string | undefined,
): boolean {
  const actual = Object.hasOwn(values, condition.key) ? values[condition.key] : undefined
  if (condition.presence) {
    return condition.operands.some((operand) => operand.toLowerCase() === String(actual === undefined))
  }
  const list = actual === undefined ? [] : typeof actual === 'string' ? [actual] : actual
  const holdsFor = (one: string): boolean => {
    const matched = condition.operands.some((operand) => {
      const expanded = expand(operand)
      return expanded !== undefined && condition.test(one, expanded)
    })
    return matched !== condition.negated
  }
  if (condition.set === 'all') return list.every(holdsFor)
  if (condition.set === 'any') return list.length === 0 ? condition.ifExists : list.some(holdsFor)
  // an absent key satisfies only the negated operators and ...IfExists
  if (actual === undefined) return condition.ifExists || condition.negated
  return condition.negated ? list.every(holdsFor) : list.some(holdsFor)
}

function equalsIgnoringCase(actual: string, operand: string): boolean {
  return actual.toLowerCase() === operand.toLowerCase()
}

/** ARN operators match each of the six parts by itself, so a wildcard never crosses a colon but in the last. */
function matchesArn(actual: string, operand: string): boolean {
  const actualParts = arnParts(actual)
  const operandParts = arnParts(operand)
  return actualParts.every((part, index) => matchesWildcard(operandParts[index] ?? '', part))
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':')
  return [...Array.from({ length: 5 }, (_, index) => parts[index] ?? ''), parts.slice(5).join(':')]
}

function instant(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text)
}

function addressRange(operand: string): BlockList | undefined {
  const [address = '', prefix] = operand.split('/')
  const version = isIP(address)
  if (version === 0) return undefined
  const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix)
  if (!Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) return undefined
  const range = new BlockList()
  range.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
  return range
}

function withinAddressRange(actual: string, operand: string): boolean {
  const version = isIP(actual)
  if (version === 0) return false
  return addressRange(operand)?.check(actual, version === 4 ? 'ipv4' : 'ipv6') ?? false
}
