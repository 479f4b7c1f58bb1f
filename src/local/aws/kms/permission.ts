import { AwsError } from '../aws-error.ts'
import { decide, globalValues, refusalMessage } from '../authorization.ts'
import type { Call } from '../call.ts'
import type { ConditionValues } from '../policy/condition.ts'
import { parsePolicy } from '../policy/document.ts'
import type { Grant, RegionalKey } from '../state/model.ts'
import { familyOf } from './key.ts'

/** What an operation asks of a key beyond its name. */
export interface KeyRequest {
  /** Encryption context of a cryptographic call. */
  readonly encryptionContext?: Readonly<Record<string, string>>
  /** Further condition keys, lower case. */
  readonly values?: ConditionValues
  /** IAM action when it is not `kms:` and the operation's name. */
  readonly action?: string
  /** The grant operation that allows this; undefined where no grant can. */
  readonly grantOperation?: string | undefined
  /** A further condition on the grant that allows it. */
  readonly grantFilter?: (grant: Grant) => boolean
  /** The alias the request named the key by. */
  readonly requestAlias?: string | undefined
}

/**
 * Throws `AccessDeniedException` unless key policy, grants and the caller's policies allow the operation.
 * Records the key as a resource of the call.
 */
export function requireKeyPermission(call: Call, key: RegionalKey, request: KeyRequest = {}): void {
  call.resources.push({ arn: key.arn, accountId: key.accountId, type: 'AWS::KMS::Key' })
  const action = request.action ?? `kms:${call.operation}`
  const access = {
    principal: call.principal,
    action: action.toLowerCase(),
    resource: key.arn,
    values: keyValues(call, key, request),
  }
  const granted = key.grants.some((grant) => grantAllows(call, grant, request))
  const refusal = decide(call.file.state, access, parsePolicy(key.policy, 'key'), key.accountId, granted)
  if (refusal) {
    throw new AwsError('AccessDeniedException', refusalMessage(call.principal, action, key.arn, refusal))
  }
}

function keyValues(call: Call, key: RegionalKey, request: KeyRequest): ConditionValues {
  const { state } = call.file
  const family = familyOf(state, key)
  const values: Record<string, string | readonly string[] | undefined> = {
    ...globalValues(call),
    'kms:calleraccount': call.principal.accountId,
    'kms:keyspec': family.keySpec,
    'kms:keyusage': family.keyUsage,
    'kms:keyorigin': family.origin,
    'kms:customermasterkeyspec': family.keySpec,
    'kms:customermasterkeyusage': family.keyUsage,
    'kms:multiregion': String(family.multiRegion),
    'kms:multiregionkeytype': family.multiRegion
      ? key.region === family.primaryRegion
        ? 'PRIMARY'
        : 'REPLICA'
      : undefined,
    'kms:requestalias': request.requestAlias?.startsWith('alias/') ? request.requestAlias : undefined,
    'aws:resourceaccount': key.accountId,
  }
  const aliases = Object.values(state.aliases)
    .filter((alias) => alias.accountId === key.accountId && alias.region === key.region)
    .filter((alias) => alias.targetKeyId === key.keyId)
  if (aliases.length > 0) values['kms:resourcealiases'] = aliases.map((alias) => alias.aliasName)
  for (const tag of key.tags) values[`aws:resourcetag/${tag.key.toLowerCase()}`] = tag.value
  if (request.encryptionContext) {
    const names = Object.keys(request.encryptionContext)
    if (names.length > 0) values['kms:encryptioncontextkeys'] = names
    for (const name of names) {
      values[`kms:encryptioncontext:${name.toLowerCase()}`] = request.encryptionContext[name]
    }
  }
  return { ...values, ...request.values }
}

function grantAllows(call: Call, grant: Grant, request: KeyRequest): boolean {
  if (request.grantOperation === undefined || !grant.operations.includes(request.grantOperation)) return false
  const { principal } = call
  if (grant.granteePrincipal !== principal.identityArn && grant.granteePrincipal !== principal.arn)
    return false
  if (request.grantFilter && !request.grantFilter(grant)) return false
  // constraints bind only the operations that take an encryption context
  if (!request.encryptionContext) return true
  return contextSatisfies(grant, request.encryptionContext)
}

function contextSatisfies(grant: Grant, context: Readonly<Record<string, string>>): boolean {
  const { contextEquals, contextSubset } = grant
  if (contextEquals) {
    const names = Object.keys(contextEquals)
    if (names.length !== Object.keys(context).length) return false
    if (!names.every((name) => context[name] === contextEquals[name])) return false
  }
  if (contextSubset) {
    if (!Object.keys(contextSubset).every((name) => context[name] === contextSubset[name])) return false
  }
  return true
}
