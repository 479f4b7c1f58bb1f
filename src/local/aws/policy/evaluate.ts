import type { Principal } from '../principal.ts'
import { parseArn } from '../arns.ts'
import { conditionHolds, type ConditionValues } from './condition.ts'
import type { Policy, PrincipalPattern, Statement } from './document.ts'
import { matchesWildcard } from './wildcard.ts'

/** One question to the policies. */
export interface AccessRequest {
  readonly principal: Principal
  /** Lower case, for example `kms:decrypt`. */
  readonly action: string
  readonly resource: string
  readonly values: ConditionValues
}

/**
 * What one resource policy says. `delegated`: it allows the whole account of the caller, so that the caller's
 * identity policies decide (AWS KMS: "Allows access to the AWS account and enables IAM policies").
 */
export type ResourceVerdict = 'deny' | 'allow' | 'delegated' | 'silent'

/** Evaluates a key policy or a role's trust policy: an explicit Deny wins. */
export function evaluateResourcePolicy(policy: Policy, request: AccessRequest): ResourceVerdict {
  let verdict: ResourceVerdict = 'silent'
  for (const statement of policy.statements) {
    const match = principalMatch(statement, request.principal)
    if (match === 'none' || !statementApplies(statement, policy, request)) continue
    if (statement.effect === 'Deny') return 'deny'
    if (match === 'direct') verdict = 'allow'
    else if (verdict === 'silent') verdict = 'delegated'
  }
  return verdict
}

/** Evaluates the caller's own policies together: an explicit Deny wins. */
export function evaluateIdentityPolicies(
  policies: readonly Policy[],
  request: AccessRequest,
): 'deny' | 'allow' | 'silent' {
  let verdict: 'allow' | 'silent' = 'silent'
  for (const policy of policies) {
    for (const statement of policy.statements) {
      if (!statementApplies(statement, policy, request)) continue
      if (statement.effect === 'Deny') return 'deny'
      verdict = 'allow'
    }
  }
  return verdict
}

function statementApplies(statement: Statement, policy: Policy, request: AccessRequest): boolean {
  const expand = (text: string): string | undefined =>
    policy.variables ? expandVariables(text, request.values) : text
  const action = statement.actions.some((pattern) => matchesWildcard(pattern, request.action))
  if (action === statement.actionsNegated) return false
  const resource = statement.resources.some((pattern) => {
    const expanded = expand(pattern)
    return expanded !== undefined && matchesWildcard(expanded, request.resource)
  })
  if (resource === statement.resourcesNegated) return false
  return statement.conditions.every((condition) => conditionHolds(condition, request.values, expand))
}

function principalMatch(statement: Statement, principal: Principal): 'direct' | 'account' | 'none' {
  let best: 'direct' | 'account' | 'none' = 'none'
  for (const pattern of statement.principals ?? []) {
    const match = patternMatch(pattern, principal)
    if (match === 'direct') best = 'direct'
    else if (match === 'account' && best === 'none') best = 'account'
  }
  if (statement.principalsNegated) return best === 'none' ? 'direct' : 'none'
  return best
}

function patternMatch(pattern: PrincipalPattern, principal: Principal): 'direct' | 'account' | 'none' {
  if (pattern.type !== 'AWS') return 'none'
  if (pattern.value === '*') return 'direct'
  if (pattern.value === principal.arn || pattern.value === principal.identityArn) return 'direct'
  if (principalAccount(pattern.value) === principal.accountId) {
    return principal.kind === 'root' ? 'direct' : 'account'
  }
  return 'none'
}

/** The account that `12 digits` or `arn:aws:iam::12 digits:root` stands for. */
function principalAccount(value: string): string | undefined {
  if (/^\d{12}$/.test(value)) return value
  const arn = parseArn(value)
  return arn?.service === 'iam' && arn.resource === 'root' ? arn.accountId : undefined
}

/** Policy variables (`${aws:PrincipalArn}`, `${*}`); undefined when a variable has no single value. */
function expandVariables(text: string, values: ConditionValues): string | undefined {
  if (!text.includes('${')) return text
  let missing = false
  const expanded = text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    if (name === '*' || name === '?' || name === '$') return name
    const [key = '', fallback] = name.split(/,\s*/)
    const value = values[key.trim().toLowerCase()]
    if (typeof value === 'string') return value
    if (fallback !== undefined) return fallback.replace(/^'|'$/g, '')
    missing = true
    return ''
  })
  return missing ? undefined : expanded
}
