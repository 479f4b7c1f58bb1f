import { roleArn } from '../arns.ts'
import { requireIdentityPermission } from '../authorization.ts'
import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { newUniqueId } from '../identifiers.ts'
import { parsePolicy, PolicyMalformed, type PolicyKind } from '../policy/document.ts'
import { unknownPrincipal } from '../policy/principal-check.ts'
import type { Form } from '../query/form.ts'
import type { QueryOperation } from '../query/operation.ts'
import type { XmlValue } from '../query/xml.ts'
import type { Account, Role } from '../state/model.ts'
import { own } from '../state/own.ts'

const NAME_RULE = { min: 1, max: 64, pattern: '[\\w+=,.@-]+' }
const POLICY_NAME_RULE = { min: 1, max: 128, pattern: '[\\w+=,.@-]+' }
const DOCUMENT_RULE = { min: 1, max: 131_072 }
const PATH_RULE = { min: 1, max: 512, pattern: '/|/[!-~]*/' }
/** Quotas of IAM: trust policy 2,048 characters, inline policies of a role 10,240, both without white space. */
const TRUST_CHARACTERS_MAX = 2048
const INLINE_CHARACTERS_MAX = 10_240
const TAGS_MAX = 50

const createRole: QueryOperation = (call, form) => {
  const roleName = form.requiredText('RoleName', NAME_RULE)
  const trustPolicy = form.requiredText('AssumeRolePolicyDocument', DOCUMENT_RULE)
  const path = form.text('Path', PATH_RULE) ?? '/'
  const description = form.text('Description', { max: 1000 })
  const maxSessionSeconds = form.integer('MaxSessionDuration', 3600, 43_200) ?? 3600
  const tags = form
    .structures('Tags', TAGS_MAX)
    .map((tag) => ({ key: tag['Key'] ?? '', value: tag['Value'] ?? '' }))
  if (form.has('PermissionsBoundary')) {
    throw new AwsError('InvalidInput', 'PermissionsBoundary is not supported by the local IAM.')
  }
  const arn = roleArn(call.principal.accountId, path, roleName)
  authorize(call, arn)
  checkTrustPolicy(call, trustPolicy)
  const account = callerAccount(call)
  if (own(account.roles, roleName)) {
    throw new AwsError('EntityAlreadyExists', `Role with name ${roleName} already exists.`, 409)
  }
  const role: Role = {
    roleName,
    roleId: newUniqueId('AROA'),
    path,
    arn,
    createdAt: call.nowMs,
    description,
    maxSessionSeconds,
    trustPolicy,
    policies: {},
    tags,
  }
  account.roles[roleName] = role
  call.file.touch()
  const shown = roleShape(role)
  delete shown['MaxSessionDuration']
  return { Role: shown }
}

const getRole: QueryOperation = (call, form) => {
  const role = roleOf(call, form)
  return { Role: { ...roleShape(role), RoleLastUsed: {} } }
}

const listRoles: QueryOperation = (call, form) => {
  const prefix = form.text('PathPrefix', PATH_RULE) ?? '/'
  requireIdentityPermission(
    call,
    'iam:ListRoles',
    roleArn(call.principal.accountId, prefix, ''),
    'AccessDenied',
  )
  const roles = Object.values(callerAccount(call).roles).filter((role) => role.path.startsWith(prefix))
  const limit = form.integer('MaxItems', 1, 1000) ?? 100
  const start = Number(form.text('Marker', { min: 1, max: 320, pattern: '\\d{1,9}' }) ?? 0)
  const truncated = start + limit < roles.length
  return {
    IsTruncated: truncated,
    Marker: truncated ? String(start + limit) : undefined,
    Roles: roles.slice(start, start + limit).map((role) => roleShape(role)),
  }
}

const deleteRole: QueryOperation = (call, form) => {
  const role = roleOf(call, form)
  if (Object.keys(role.policies).length > 0) {
    throw new AwsError('DeleteConflict', 'Cannot delete entity, must delete policies first.', 409)
  }
  delete callerAccount(call).roles[role.roleName]
  call.file.touch()
  return undefined
}

const updateAssumeRolePolicy: QueryOperation = (call, form) => {
  const role = roleOf(call, form)
  const document = form.requiredText('PolicyDocument', DOCUMENT_RULE)
  checkTrustPolicy(call, document)
  role.trustPolicy = document
  call.file.touch()
  return undefined
}

const putRolePolicy: QueryOperation = (call, form) => {
  const name = form.requiredText('PolicyName', POLICY_NAME_RULE)
  const document = form.requiredText('PolicyDocument', DOCUMENT_RULE)
  const role = roleOf(call, form)
  checkedPolicy(document, 'identity')
  const others = Object.entries(role.policies).filter(([other]) => other !== name)
  const size = others.reduce((sum, [, text]) => sum + quotaSize(text), quotaSize(document))
  if (size > INLINE_CHARACTERS_MAX)
    throw limitExceeded(
      `Maximum policy size of ${INLINE_CHARACTERS_MAX} bytes exceeded for role ${role.roleName}`,
    )
  role.policies = Object.fromEntries([...others, [name, document]])
  call.file.touch()
  return undefined
}

const getRolePolicy: QueryOperation = (call, form) => {
  const name = form.requiredText('PolicyName', POLICY_NAME_RULE)
  const role = roleOf(call, form)
  const document = own(role.policies, name) ?? missingPolicy(name)
  return { RoleName: role.roleName, PolicyName: name, PolicyDocument: encodeURIComponent(document) }
}

const deleteRolePolicy: QueryOperation = (call, form) => {
  const name = form.requiredText('PolicyName', POLICY_NAME_RULE)
  const role = roleOf(call, form)
  if (own(role.policies, name) === undefined) missingPolicy(name)
  delete role.policies[name]
  call.file.touch()
  return undefined
}

const listRolePolicies: QueryOperation = (call, form) => {
  const role = roleOf(call, form)
  return { PolicyNames: Object.keys(role.policies), IsTruncated: false }
}

/** Every IAM operation by its wire name. */
export const IAM_OPERATIONS: ReadonlyMap<string, QueryOperation> = new Map(
  Object.entries({
    CreateRole: createRole,
    DeleteRole: deleteRole,
    DeleteRolePolicy: deleteRolePolicy,
    GetRole: getRole,
    GetRolePolicy: getRolePolicy,
    ListRolePolicies: listRolePolicies,
    ListRoles: listRoles,
    PutRolePolicy: putRolePolicy,
    UpdateAssumeRolePolicy: updateAssumeRolePolicy,
  }),
)

function callerAccount(call: Call): Account {
  const account = own(call.file.state.accounts, call.principal.accountId)
  if (!account) throw new Error(`account ${call.principal.accountId} is gone`)
  return account
}

function authorize(call: Call, arn: string): void {
  requireIdentityPermission(call, `iam:${call.operation}`, arn, 'AccessDenied')
  call.resources.push({ arn, accountId: call.principal.accountId, type: 'AWS::IAM::Role' })
}

function roleOf(call: Call, form: Form): Role {
  const name = form.requiredText('RoleName', NAME_RULE)
  const role = own(callerAccount(call).roles, name)
  authorize(call, role?.arn ?? roleArn(call.principal.accountId, '/', name))
  if (!role) throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404)
  return role
}

function checkTrustPolicy(call: Call, text: string): void {
  if (quotaSize(text) > TRUST_CHARACTERS_MAX) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${TRUST_CHARACTERS_MAX}`)
  }
  const policy = checkedPolicy(text, 'trust')
  for (const statement of policy.statements) {
    const foreign = statement.actions.find((action) => action !== '*' && !action.startsWith('sts:'))
    if (foreign !== undefined) throw malformed('AssumeRole policy may only specify STS AssumeRole actions.')
  }
  const principal = unknownPrincipal(call.file.state, policy)
  if (principal !== undefined) throw malformed(`Invalid principal in policy: "AWS":"${principal}"`)
}

function checkedPolicy(text: string, kind: PolicyKind): ReturnType<typeof parsePolicy> {
  try {
    return parsePolicy(text, kind)
  } catch (error) {
    if (error instanceof PolicyMalformed) throw malformed(error.message)
    throw error
  }
}

/** IAM does not count white space toward a policy's size. */
function quotaSize(text: string): number {
  return text.replace(/\s/g, '').length
}

function roleShape(role: Role): Record<string, XmlValue> {
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    AssumeRolePolicyDocument: encodeURIComponent(role.trustPolicy),
    Description: role.description,
    MaxSessionDuration: role.maxSessionSeconds,
    Tags: role.tags.length > 0 ? role.tags.map((tag) => ({ Key: tag.key, Value: tag.value })) : undefined,
  }
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocument', message)
}

function limitExceeded(message: string): AwsError {
  return new AwsError('LimitExceeded', message, 409)
}

function missingPolicy(name: string): never {
  throw new AwsError('NoSuchEntity', `The role policy with name ${name} cannot be found.`, 404)
}
