import { AwsError } from './aws-error.ts'
import type { Call } from './call.ts'
import type { ConditionValues } from './policy/condition.ts'
import { parsePolicy, type Policy } from './policy/document.ts'
import { evaluateIdentityPolicies, evaluateResourcePolicy, type AccessRequest } from './policy/evaluate.ts'
import type { Principal } from './principal.ts'
import type { AwsState } from './state/model.ts'

/** Why access is refused, in the words AWS ends its message with. */
export type Refusal = 'resource-deny' | 'identity-deny' | 'resource-silent' | 'identity-silent'

/** Condition keys that every request has (AWS global condition context keys), by lower-case name. */
export function globalValues(call: Call): ConditionValues {
  const { principal } = call
  return {
    'aws:principalarn': principal.identityArn,
    'aws:principalaccount': principal.accountId,
    'aws:principaltype':
      principal.kind === 'user' ? 'User' : principal.kind === 'root' ? 'Account' : 'AssumedRole',
    'aws:userid': principal.principalId,
    'aws:username': principal.userName,
    'aws:requestedregion': call.region,
    'aws:sourceip': call.sourceAddress,
    'aws:securetransport': 'false',
    'aws:currenttime': new Date(call.nowMs).toISOString(),
    'aws:epochtime': String(Math.floor(call.nowMs / 1000)),
    'aws:tokenissuetime': principal.session && new Date(principal.session.startedAt).toISOString(),
    ...principalTagValues(principal),
    'aws:viaawsservice': 'false',
  }
}

function principalTagValues(principal: Principal): ConditionValues {
  const tags = Object.entries(principal.session?.tags.tags ?? {})
  return Object.fromEntries(tags.map(([key, value]) => [`aws:principaltag/${key.toLowerCase()}`, value]))
}

/** The inline policies of a user or role. */
function identityPolicies(state: AwsState, principal: Principal): Policy[] {
  const account = state.accounts[principal.accountId]
  const owner =
    principal.userName === undefined
      ? account?.roles[principal.roleName ?? '']
      : account?.users[principal.userName]
  return Object.values(owner?.policies ?? {}).map((text) => parsePolicy(text, 'identity'))
}

/**
 * Decides with a resource policy and the caller's own policies; undefined means access is allowed.
 * Across accounts both must allow; within one account the resource policy alone may, and where it delegates to
 * the account the caller's policies decide. A grant stands in for the resource policy and needs no more.
 */
export function decide(
  state: AwsState,
  request: AccessRequest,
  resourcePolicy: Policy,
  resourceAccount: string,
  granted = false,
): Refusal | undefined {
  const resource = evaluateResourcePolicy(resourcePolicy, request)
  if (resource === 'deny') return 'resource-deny'
  const { principal } = request
  const identity =
    principal.kind === 'root'
      ? 'allow'
      : evaluateIdentityPolicies(identityPolicies(state, principal), request)
  if (identity === 'deny') return 'identity-deny'
  if (granted) return undefined
  if (resource === 'silent') return 'resource-silent'
  if (resource === 'allow' && principal.accountId === resourceAccount) return undefined
  return identity === 'allow' ? undefined : 'identity-silent'
}

/** Decides for operations without a resource policy (`kms:CreateKey`, `iam:*`, …). */
export function decideByIdentity(state: AwsState, request: AccessRequest): Refusal | undefined {
  if (request.principal.kind === 'root') return undefined
  const verdict = evaluateIdentityPolicies(identityPolicies(state, request.principal), request)
  if (verdict === 'deny') return 'identity-deny'
  return verdict === 'allow' ? undefined : 'identity-silent'
}

/** The message of an access refusal, as AWS words it. */
export function refusalMessage(
  principal: Principal,
  action: string,
  resource: string,
  refusal: Refusal,
): string {
  const reason = {
    'resource-deny': 'with an explicit deny in a resource-based policy',
    'identity-deny': 'with an explicit deny in an identity-based policy',
    'resource-silent': `because no resource-based policy allows the ${action} action`,
    'identity-silent': `because no identity-based policy allows the ${action} action`,
  }[refusal]
  return `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${reason}`
}

/** Throws `AccessDeniedException` unless the caller's own policies allow `action` on `resource`. */
export function requireIdentityPermission(
  call: Call,
  action: string,
  resource: string,
  errorCode: 'AccessDenied' | 'AccessDeniedException',
  values: ConditionValues = {},
): void {
  const refusal = decideByIdentity(call.file.state, {
    principal: call.principal,
    action: action.toLowerCase(),
    resource,
    values: { ...globalValues(call), ...values },
  })
  if (refusal) {
    throw new AwsError(
      errorCode,
      refusalMessage(call.principal, action, resource, refusal),
      errorCode === 'AccessDenied' ? 403 : 400,
    )
  }
}
