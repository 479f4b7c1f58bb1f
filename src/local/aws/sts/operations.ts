import { assumedRoleArn, parseArn } from '../arns.ts'
import { decide, globalValues, refusalMessage } from '../authorization.ts'
import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { issueSession } from '../credentials.ts'
import { parsePolicy } from '../policy/document.ts'
import type { QueryOperation } from '../query/operation.ts'
import type { SessionTags } from '../principal.ts'
import type { Role } from '../state/model.ts'
import { own } from '../state/own.ts'
import { readSessionTags } from './session-tags.ts'

const SESSION_SECONDS_MIN = 900
const SESSION_SECONDS_MAX = 43_200
const CHAINED_SESSION_SECONDS_MAX = 3600
const UNSUPPORTED = [
  'Policy',
  'PolicyArns',
  'SourceIdentity',
  'ProvidedContexts',
  'SerialNumber',
  'TokenCode',
]

const assumeRole: QueryOperation = (call, form) => {
  const arnText = form.requiredText('RoleArn', { min: 1, max: 2048 })
  const sessionName = form.requiredText('RoleSessionName', { min: 2, max: 64, pattern: '[\\w+=,.@-]*' })
  const seconds = form.integer('DurationSeconds', SESSION_SECONDS_MIN, SESSION_SECONDS_MAX) ?? 3600
  const externalId = form.text('ExternalId', { min: 2, max: 1224, pattern: '[\\w+=,.@:\\/-]*' })
  const arn = parseArn(arnText)
  if (!arn) throw new AwsError('ValidationError', `${arnText} is invalid`)
  const unsupported = UNSUPPORTED.find((name) => form.has(name))
  if (unsupported !== undefined) {
    throw new AwsError('ValidationError', `The parameter ${unsupported} is not supported by the local STS.`)
  }
  const tags = readSessionTags(call.principal, form)
  const role = roleByArn(call, arnText, arn.accountId)
  if (role) call.resources.push({ arn: role.arn, accountId: arn.accountId, type: 'AWS::IAM::Role' })
  authorizeAssumption(call, role, arnText, arn.accountId, sessionName, externalId, tags)
  checkDuration(call, role, seconds)
  const session = issueSession(call.file.state, role, sessionName, call.nowMs, seconds, tags)
  const answer = {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      SessionToken: session.sessionToken,
      Expiration: secondsInstant(session.expiresAt),
    },
    AssumedRoleUser: {
      AssumedRoleId: `${role.roleId}:${sessionName}`,
      Arn: assumedRoleArn(arn.accountId, role.roleName, sessionName),
    },
  }
  call.responseElements = {
    credentials: { accessKeyId: session.accessKeyId, expiration: answer.Credentials.Expiration },
    assumedRoleUser: { assumedRoleId: answer.AssumedRoleUser.AssumedRoleId, arn: answer.AssumedRoleUser.Arn },
  }
  return answer
}

const getCallerIdentity: QueryOperation = (call) => ({
  Arn: call.principal.arn,
  UserId: call.principal.principalId,
  Account: call.principal.accountId,
})

/** Every STS operation by its wire name. */
export const STS_OPERATIONS: ReadonlyMap<string, QueryOperation> = new Map(
  Object.entries({ AssumeRole: assumeRole, GetCallerIdentity: getCallerIdentity }),
)

function roleByArn(call: Call, arn: string, accountId: string): Role | undefined {
  const account = own(call.file.state.accounts, accountId)
  const role = account && own(account.roles, arn.slice(arn.lastIndexOf('/') + 1))
  return role?.arn === arn ? role : undefined
}

/** The trust policy decides as the role's resource policy; an absent role is refused in the same words. */
function authorizeAssumption(
  call: Call,
  role: Role | undefined,
  arn: string,
  accountId: string,
  sessionName: string,
  externalId: string | undefined,
  tags: SessionTags,
): asserts role is Role {
  const { principal } = call
  if (principal.kind === 'root') {
    throw new AwsError('AccessDenied', 'Roles may not be assumed by root accounts.', 403)
  }
  const request = {
    principal,
    action: 'sts:assumerole',
    resource: arn,
    values: {
      ...globalValues(call),
      'sts:externalid': externalId,
      'sts:rolesessionname': sessionName,
      'aws:resourceaccount': accountId,
      ...requestTagValues(tags),
    },
  }
  const actions =
    Object.keys(tags.tags).length > 0 ? ['sts:assumerole', 'sts:tagsession'] : ['sts:assumerole']
  const policy = role && parsePolicy(role.trustPolicy, 'trust')
  if (
    policy &&
    actions.every((action) => !decide(call.file.state, { ...request, action }, policy, accountId))
  )
    return
  // AWS gives no reason here: it would tell a stranger whether the role exists
  const message = refusalMessage(principal, 'sts:AssumeRole', arn, 'resource-silent')
  throw new AwsError('AccessDenied', message.slice(0, message.indexOf(' because ')), 403)
}

function checkDuration(call: Call, role: Role, seconds: number): void {
  if (seconds > role.maxSessionSeconds) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
  }
  if (call.principal.kind === 'assumed-role' && seconds > CHAINED_SESSION_SECONDS_MAX) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    )
  }
}

/** AWS query answers show whole seconds. */
function secondsInstant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

function requestTagValues({ tags }: SessionTags): Record<string, string | readonly string[]> {
  const keys = Object.keys(tags)
  const values: Record<string, string | readonly string[]> = {}
  for (const key of keys) values[`aws:requesttag/${key.toLowerCase()}`] = tags[key] ?? ''
  if (keys.length > 0) values['aws:tagkeys'] = keys
  return values
}
