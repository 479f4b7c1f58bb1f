import { aliasArn } from '../arns.ts'
import { requireIdentityPermission } from '../authorization.ts'
import { AwsError, validationException } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { Alias, RegionalKey } from '../state/model.ts'
import { own } from '../state/own.ts'
import type { Input } from './input.ts'
import { requireNotPendingDeletion } from './key.ts'
import { findKey } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'

const ALIAS_RULE = { min: 1, max: 256 }

/** CreateAlias: needs the permission on the alias and on the key. */
export const createAlias: KmsOperation = (call, input) => {
  const { name, arn } = readAliasName(call, input)
  const key = targetKey(call, input)
  requireNotPendingDeletion(key)
  requireAliasPermission(call, arn)
  if (own(call.file.state.aliases, arn)) {
    throw new AwsError('AlreadyExistsException', `An alias with the name ${arn} already exists`)
  }
  call.file.state.aliases[arn] = {
    arn,
    aliasName: name,
    accountId: call.principal.accountId,
    region: call.region,
    targetKeyId: key.keyId,
    createdAt: call.nowMs,
    updatedAt: call.nowMs,
  }
  call.file.touch()
  return undefined
}

/** UpdateAlias: needs the permission on the alias, on the old key and on the new one. */
export const updateAlias: KmsOperation = (call, input) => {
  const { arn } = readAliasName(call, input)
  const alias = existingAlias(call, arn)
  const key = targetKey(call, input)
  requireNotPendingDeletion(key)
  requireAliasPermission(call, arn)
  requireKeyPermission(call, findKey(call, alias.targetKeyId, { alias: false, crossAccount: false }))
  alias.targetKeyId = key.keyId
  alias.updatedAt = call.nowMs
  call.file.touch()
  return undefined
}

/** DeleteAlias. */
export const deleteAlias: KmsOperation = (call, input) => {
  const { arn } = readAliasName(call, input)
  const alias = existingAlias(call, arn)
  requireAliasPermission(call, arn)
  requireKeyPermission(call, findKey(call, alias.targetKeyId, { alias: false, crossAccount: false }))
  delete call.file.state.aliases[arn]
  call.file.touch()
  return undefined
}

/** ListAliases of the account in this region, or of one key. */
export const listAliases: KmsOperation = (call, input) => {
  requireIdentityPermission(call, 'kms:ListAliases', '*', 'AccessDeniedException')
  const reference = input.optionalKeyId()
  const key =
    reference === undefined ? undefined : findKey(call, reference, { alias: false, crossAccount: false })
  const aliases = Object.values(call.file.state.aliases)
    .filter((alias) => alias.accountId === call.principal.accountId && alias.region === call.region)
    .filter((alias) => key === undefined || alias.targetKeyId === key.keyId)
    .map((alias) => ({
      AliasArn: alias.arn,
      AliasName: alias.aliasName,
      CreationDate: alias.createdAt / 1000,
      LastUpdatedDate: alias.updatedAt / 1000,
      TargetKeyId: alias.targetKeyId,
    }))
  return page(input, aliases, 'Aliases', 50, 100)
}

function readAliasName(call: Call, input: Input): { name: string; arn: string } {
  const name = input.requiredText('AliasName', ALIAS_RULE)
  if (!name.startsWith('alias/')) {
    throw validationException(
      'Alias must start with the prefix "alias/". Please see ' +
        'https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    )
  }
  if (name.startsWith('alias/aws/')) throw new AwsError('NotAuthorizedException', '')
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw new AwsError('InvalidAliasNameException', `Alias ${name} contains invalid characters`)
  }
  return { name, arn: aliasArn(call.region, call.principal.accountId, name) }
}

function targetKey(call: Call, input: Input): RegionalKey {
  const key = findKey(call, input.keyId('TargetKeyId'), { alias: false, crossAccount: false })
  requireKeyPermission(call, key)
  return key
}

function requireAliasPermission(call: Call, arn: string): void {
  requireIdentityPermission(call, `kms:${call.operation}`, arn, 'AccessDeniedException')
  call.resources.push({ arn, accountId: call.principal.accountId, type: 'AWS::KMS::Alias' })
}

function existingAlias(call: Call, arn: string): Alias {
  const alias = own(call.file.state.aliases, arn)
  if (!alias) throw new AwsError('NotFoundException', `Alias ${arn} is not found.`)
  return alias
}
