import { accountRootArn, parseArn } from '../arns.ts'
import { decideByIdentity, globalValues } from '../authorization.ts'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import { newHexId } from '../identifiers.ts'
import { principalExists } from '../policy/principal-check.ts'
import type { Grant, RegionalKey } from '../state/model.ts'
import { refuseDryRun } from './dry-run.ts'
import type { Input } from './input.ts'
import { requireNotPendingDeletion, requireUsable } from './key.ts'
import { findKey, keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'

const GRANT_OPERATIONS = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'Sign',
  'Verify',
  'GetPublicKey',
  'CreateGrant',
  'RetireGrant',
  'DescribeKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'VerifyMac',
  'DeriveSharedSecret',
]
const GRANTS_PER_KEY_MAX = 50_000
const PRINCIPAL_RULE = { min: 1, max: 256 }
const GRANT_ID_RULE = { min: 1, max: 128 }
const ANY_ACCOUNT = { alias: false, crossAccount: true }

/** CreateGrant: a repeated request with the same name and parameters returns the first grant. */
export const createGrant: KmsOperation = (call, input) => {
  const grantee = readPrincipal(call, input, 'GranteePrincipal') ?? ''
  if (grantee === '') input.requiredText('GranteePrincipal', PRINCIPAL_RULE)
  const retiring = readPrincipal(call, input, 'RetiringPrincipal')
  const operations = input.texts('Operations', GRANT_OPERATIONS.length, { max: 64, values: GRANT_OPERATIONS })
  if (operations.length === 0) throw validationException('Operations must not be empty.')
  const name = input.text('Name', { min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ })
  const constraints = input.structure('Constraints')
  const contextEquals = constraints?.textMap('EncryptionContextEquals')
  const contextSubset = constraints?.textMap('EncryptionContextSubset')
  if (contextEquals && contextSubset) {
    throw validationException('A grant takes EncryptionContextEquals or EncryptionContextSubset, not both.')
  }
  input.texts('GrantTokens', 10, { min: 1, max: 8192 })
  const key = findKey(call, input.keyId(), ANY_ACCOUNT)
  requireKeyPermission(call, key, {
    grantOperation: 'CreateGrant',
    grantFilter: (grant) => operations.every((operation) => grant.operations.includes(operation)),
    values: {
      'kms:grantoperations': operations,
      'kms:granteeprincipal': grantee,
      'kms:retiringprincipal': retiring,
      'kms:grantconstrainttype': contextEquals
        ? 'EncryptionContextEquals'
        : contextSubset && 'EncryptionContextSubset',
      'kms:grantisforawsresource': 'false',
    },
  })
  requireUsable(key)
  refuseDryRun(input)
  const grant: Grant = {
    grantId: newHexId(),
    grantToken: Buffer.from(newHexId() + newHexId(), 'hex').toString('base64'),
    name,
    granteePrincipal: grantee,
    retiringPrincipal: retiring,
    issuingAccount: accountRootArn(call.principal.accountId),
    operations,
    contextEquals,
    contextSubset,
    createdAt: call.nowMs,
  }
  const same = name === undefined ? undefined : key.grants.find((other) => sameGrant(other, grant))
  if (same) return answer(call, same)
  if (key.grants.length >= GRANTS_PER_KEY_MAX) {
    throw new AwsError('LimitExceededException', `The key ${key.arn} has reached its limit of grants.`)
  }
  key.grants.push(grant)
  call.file.touch()
  return answer(call, grant)
}

/** ListGrants of one key. */
export const listGrants: KmsOperation = (call, input) => {
  const grantId = input.text('GrantId', GRANT_ID_RULE)
  const grantee = input.text('GranteePrincipal', PRINCIPAL_RULE)
  const key = findKey(call, input.keyId(), ANY_ACCOUNT)
  requireKeyPermission(call, key)
  requireNotPendingDeletion(key)
  const grants = key.grants
    .filter((grant) => grantId === undefined || grant.grantId === grantId)
    .filter((grant) => grantee === undefined || grant.granteePrincipal === grantee)
  return page(
    input,
    grants.map((grant) => grantShape(key, grant)),
    'Grants',
    50,
    100,
  )
}

/** ListRetirableGrants of the caller's account in this region. */
export const listRetirableGrants: KmsOperation = (call, input) => {
  const retiring = input.requiredText('RetiringPrincipal', PRINCIPAL_RULE)
  const grants = Object.values(call.file.state.keys)
    .filter((key) => key.accountId === call.principal.accountId && key.region === call.region)
    .flatMap((key) =>
      key.grants
        .filter((grant) => grant.retiringPrincipal === retiring)
        .map((grant) => grantShape(key, grant)),
    )
  return page(input, grants, 'Grants', 50, 100)
}

/** RevokeGrant: by whoever the key policy lets. */
export const revokeGrant: KmsOperation = (call, input) => {
  const grantId = input.requiredText('GrantId', GRANT_ID_RULE)
  const key = findKey(call, input.keyId(), ANY_ACCOUNT)
  requireKeyPermission(call, key)
  const grant = key.grants.find((candidate) => candidate.grantId === grantId)
  if (!grant) throw grantNotFound(grantId)
  refuseDryRun(input)
  removeGrant(call, key, grant)
  return undefined
}

/** RetireGrant: by the retiring principal, by a grantee with the operation, or by the key's account. */
export const retireGrant: KmsOperation = (call, input) => {
  const token = input.text('GrantToken', { min: 1, max: 8192 })
  const { key, grant } = token === undefined ? grantById(call, input) : grantByToken(call, token)
  call.resources.push({ arn: key.arn, accountId: key.accountId, type: 'AWS::KMS::Key' })
  const { principal } = call
  const callers = [principal.arn, principal.identityArn]
  const retires = grant.retiringPrincipal !== undefined && callers.includes(grant.retiringPrincipal)
  const gives = grant.operations.includes('RetireGrant') && callers.includes(grant.granteePrincipal)
  if (!retires && !gives && !accountRetires(call, key)) {
    throw new AwsError(
      'AccessDeniedException',
      `User: ${principal.arn} is not authorized to perform: kms:RetireGrant on resource: ${key.arn}`,
    )
  }
  refuseDryRun(input)
  removeGrant(call, key, grant)
  return undefined
}

function accountRetires(call: Call, key: RegionalKey): boolean {
  if (key.accountId !== call.principal.accountId) return false
  const request = {
    principal: call.principal,
    action: 'kms:retiregrant',
    resource: key.arn,
    values: globalValues(call),
  }
  return decideByIdentity(call.file.state, request) === undefined
}

function grantById(call: Call, input: Input): { key: RegionalKey; grant: Grant } {
  const grantId = input.requiredText('GrantId', GRANT_ID_RULE)
  const key = findKey(call, input.keyId(), ANY_ACCOUNT)
  const grant = key.grants.find((candidate) => candidate.grantId === grantId)
  if (!grant) throw grantNotFound(grantId)
  return { key, grant }
}

function grantByToken(call: Call, token: string): { key: RegionalKey; grant: Grant } {
  for (const candidate of Object.values(call.file.state.keys)) {
    if (candidate.region !== call.region) continue
    const grant = candidate.grants.find((other) => other.grantToken === token)
    const key = grant && keyByArn(call, candidate.arn)
    if (grant && key) return { key, grant }
  }
  throw new AwsError('InvalidGrantTokenException', 'The grant token is not valid.')
}

function removeGrant(call: Call, key: RegionalKey, grant: Grant): void {
  key.grants = key.grants.filter((other) => other !== grant)
  call.file.touch()
}

function answer(call: Call, grant: Grant): Record<string, unknown> {
  call.responseElements = { grantId: grant.grantId }
  return { GrantId: grant.grantId, GrantToken: grant.grantToken }
}

function sameGrant(left: Grant, right: Grant): boolean {
  const identity = ({
    name,
    granteePrincipal,
    retiringPrincipal,
    operations,
    contextEquals,
    contextSubset,
  }: Grant) =>
    JSON.stringify([
      name,
      granteePrincipal,
      retiringPrincipal,
      [...operations].sort(),
      contextEquals,
      contextSubset,
    ])
  return identity(left) === identity(right)
}

function grantShape(key: RegionalKey, grant: Grant): Record<string, unknown> {
  const { contextEquals, contextSubset } = grant
  return {
    Constraints:
      contextEquals || contextSubset
        ? { EncryptionContextEquals: contextEquals, EncryptionContextSubset: contextSubset }
        : undefined,
    CreationDate: grant.createdAt / 1000,
    GrantId: grant.grantId,
    GranteePrincipal: grant.granteePrincipal,
    IssuingAccount: grant.issuingAccount,
    KeyId: key.arn,
    Name: grant.name ?? '',
    Operations: grant.operations,
    RetiringPrincipal: grant.retiringPrincipal,
  }
}

function readPrincipal(call: Call, input: Input, name: string): string | undefined {
  const arn = input.text(name, PRINCIPAL_RULE)
  if (arn === undefined) return undefined
  const parsed = parseArn(arn)
  const service = parsed?.service === 'iam' || parsed?.service === 'sts'
  if (!service || !principalExists(call.file.state, arn))
    throw new AwsError('InvalidArnException', `Invalid arn ${arn}`)
  return arn
}

function grantNotFound(grantId: string): AwsError {
  return new AwsError('NotFoundException', `Grant ID ${grantId} not found`)
}
