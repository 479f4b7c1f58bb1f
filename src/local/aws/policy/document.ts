import { parseCondition, type Condition } from './condition.ts'

/** What a policy is attached to; it decides which elements are required and which forbidden. */
export type PolicyKind = 'key' | 'trust' | 'identity'

export interface PrincipalPattern {
  readonly type: 'AWS' | 'Service' | 'Federated' | 'CanonicalUser'
  readonly value: string
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny'
  /** Undefined in identity policies. */
  readonly principals: readonly PrincipalPattern[] | undefined
  readonly principalsNegated: boolean
  readonly actions: readonly string[]
  readonly actionsNegated: boolean
  readonly resources: readonly string[]
  readonly resourcesNegated: boolean
  readonly conditions: readonly Condition[]
}

export interface Policy {
  readonly statements: readonly Statement[]
  /** `2012-10-17` replaces policy variables such as `${aws:PrincipalArn}`, `2008-10-17` does not. */
  readonly variables: boolean
}

/** The text is not a policy; the caller wraps it in its service's error name. */
export class PolicyMalformed extends Error {}

const STATEMENTS_MAX = 200
const VALUES_MAX = 500
const STATEMENT_MEMBERS = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
])
const PRINCIPAL_TYPES = new Set(['AWS', 'Service', 'Federated', 'CanonicalUser'])

const cache = new Map<string, Policy>()
const CACHE_ENTRIES_MAX = 1000

/** Parses and checks a policy document (IAM JSON policy grammar). Throws {@link PolicyMalformed}. */
export function parsePolicy(text: string, kind: PolicyKind): Policy {
  const cacheKey = `${kind}\0${text}`
  const known = cache.get(cacheKey)
  if (known) return known
  const policy = parseFresh(text, kind)
  if (cache.size >= CACHE_ENTRIES_MAX) cache.clear()
  cache.set(cacheKey, policy)
  return policy
}

function parseFresh(text: string, kind: PolicyKind): Policy {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new PolicyMalformed('Syntax errors in policy.')
  }
  if (!isRecord(document)) throw new PolicyMalformed('Syntax errors in policy.')
  for (const member of Object.keys(document)) {
    if (member !== 'Version' && member !== 'Id' && member !== 'Statement') {
      throw new PolicyMalformed(`Unknown field ${member}`)
    }
  }
  const version = document['Version'] ?? '2008-10-17'
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw new PolicyMalformed('The policy must contain a valid version string')
  }
  const listed = document['Statement']
  const statements = Array.isArray(listed) ? listed : [listed]
  if (statements.length === 0 || statements.length > STATEMENTS_MAX) {
    throw new PolicyMalformed(`The policy must have 1 to ${STATEMENTS_MAX} statements`)
  }
  return {
    statements: statements.map((statement) => parseStatement(statement, kind)),
    variables: version === '2012-10-17',
  }
}

function parseStatement(value: unknown, kind: PolicyKind): Statement {
  if (!isRecord(value)) throw new PolicyMalformed('Syntax errors in policy.')
  for (const member of Object.keys(value)) {
    if (!STATEMENT_MEMBERS.has(member)) throw new PolicyMalformed(`Unknown field ${member}`)
  }
  const effect = value['Effect']
  if (effect !== 'Allow' && effect !== 'Deny') throw new PolicyMalformed(`Invalid effect: ${String(effect)}`)
  const action = oneOf(value, 'Action', 'NotAction')
  if (!action) throw new PolicyMalformed('Policy statement must contain actions.')
  const resource = kind === 'trust' ? trustResource(value) : oneOf(value, 'Resource', 'NotResource')
  if (!resource) throw new PolicyMalformed('Policy statement must contain resources.')
  const principal = parsePrincipals(value, kind)
  return {
    effect,
    principals: principal?.patterns,
    principalsNegated: principal?.negated ?? false,
    actions: action.values.map((name) => checkedAction(name)),
    actionsNegated: action.negated,
    resources: resource.values,
    resourcesNegated: resource.negated,
    conditions: parseConditions(value['Condition']),
  }
}

function checkedAction(name: string): string {
  if (name !== '*' && !/^[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+$/.test(name)) {
    throw new PolicyMalformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.')
  }
  return name.toLowerCase()
}

/** A role's trust policy names no resource: the role itself is the resource. */
function trustResource(statement: Record<string, unknown>): { values: string[]; negated: boolean } {
  if ('Resource' in statement || 'NotResource' in statement) {
    throw new PolicyMalformed('Has prohibited field Resource')
  }
  return { values: ['*'], negated: false }
}

function parsePrincipals(
  statement: Record<string, unknown>,
  kind: PolicyKind,
): { patterns: PrincipalPattern[]; negated: boolean } | undefined {
  const negated = 'NotPrincipal' in statement
  const value = statement['NotPrincipal'] ?? statement['Principal']
  if (kind === 'identity') {
    if (value !== undefined) throw new PolicyMalformed('Policy document should not specify a principal.')
    return undefined
  }
  if (negated && 'Principal' in statement) throw new PolicyMalformed('Syntax errors in policy.')
  if (value === '*') return { patterns: [{ type: 'AWS', value: '*' }], negated }
  if (!isRecord(value)) throw new PolicyMalformed('Policy statement must contain principals.')
  const patterns: PrincipalPattern[] = []
  for (const [type, listed] of Object.entries(value)) {
    if (!PRINCIPAL_TYPES.has(type)) throw new PolicyMalformed(`Unsupported principal: ${type}`)
    for (const pattern of stringList(listed)) {
      patterns.push({ type: type as PrincipalPattern['type'], value: pattern })
    }
  }
  if (patterns.length === 0) throw new PolicyMalformed('Policy statement must contain principals.')
  return { patterns, negated }
}

function parseConditions(value: unknown): Condition[] {
  if (value === undefined) return []
  if (!isRecord(value)) throw new PolicyMalformed('Syntax errors in policy.')
  const conditions: Condition[] = []
  for (const [operator, block] of Object.entries(value)) {
    if (!isRecord(block)) throw new PolicyMalformed('Syntax errors in policy.')
    for (const [key, operands] of Object.entries(block)) {
      const condition = parseCondition(operator, key, stringList(operands, true))
      if (typeof condition === 'string') throw new PolicyMalformed(condition)
      conditions.push(condition)
    }
  }
  return conditions
}

function oneOf(
  statement: Record<string, unknown>,
  name: string,
  negatedName: string,
): { values: string[]; negated: boolean } | undefined {
  const negated = negatedName in statement
  if (negated && name in statement) throw new PolicyMalformed('Syntax errors in policy.')
  const value = statement[negated ? negatedName : name]
  if (value === undefined) return undefined
  const values = stringList(value)
  return values.length === 0 ? undefined : { values, negated }
}

function stringList(value: unknown, scalars = false): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > VALUES_MAX)
    throw new PolicyMalformed(`A policy element has more than ${VALUES_MAX} values`)
  return list.map((entry) => {
    if (typeof entry === 'string') return entry
    if (scalars && (typeof entry === 'boolean' || typeof entry === 'number')) return String(entry)
    throw new PolicyMalformed('Syntax errors in policy.')
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
