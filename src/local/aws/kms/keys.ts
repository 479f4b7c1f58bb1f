import { randomBytes } from 'node:crypto'
import { keyArn } from '../arns.ts'
import { AwsError, constraintViolation, validationException } from '../aws-error.ts'
import { requireIdentityPermission } from '../authorization.ts'
import type { Call } from '../call.ts'
import { newHexId, newKeyId } from '../identifiers.ts'
import type { KeyFamily, KeyMaterial, RegionalKey } from '../state/model.ts'
import { newKeyPair } from './asymmetric.ts'
import type { Input } from './input.ts'
import { keyMetadata, newSymmetricMaterial, requireNotPendingDeletion } from './key.ts'
import { checkKeyPolicy, defaultKeyPolicy } from './key-policy.ts'
import { findKey, keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'
import { newRegionalKey } from './regional-key.ts'
import { KEY_SPECS, KEY_USAGES, keySpec } from './specs.ts'
import { readTags, requestTagValues } from './tags.ts'

export const POLICY_CHARACTERS_MAX = 32_768
export const DESCRIPTION_RULE = { max: 8192 }
/** Key id or ARN of the caller's account; no alias. */
export const OWN_KEY = { alias: false, crossAccount: false }

/** CreateKey. */
export const createKey: KmsOperation = async (call, input) => {
  const description = input.text('Description', DESCRIPTION_RULE) ?? ''
  const specName = readKeySpec(input)
  const usage = readKeyUsage(input, specName)
  const origin = readOrigin(input)
  const multiRegion = input.flag('MultiRegion')
  const tags = readTags(input)
  const policyText = input.text('Policy', { min: 1, max: POLICY_CHARACTERS_MAX })
  const policy = policyText ?? defaultKeyPolicy(call.principal.accountId)
  const bypass = input.flag('BypassPolicyLockoutSafetyCheck')
  requireIdentityPermission(call, 'kms:CreateKey', '*', 'AccessDeniedException', {
    ...requestTagValues(tags),
    'kms:keyspec': specName,
    'kms:keyusage': usage,
    'kms:keyorigin': origin,
    'kms:multiregion': String(multiRegion),
    'kms:bypasspolicylockoutsafetycheck': String(bypass),
  })
  const { accountId } = call.principal
  const keyId = newKeyId(multiRegion)
  const arn = keyArn(call.region, accountId, keyId)
  if (policyText !== undefined) checkKeyPolicy(call, policy, arn, accountId, bypass)
  const materials = origin === 'EXTERNAL' ? [] : [await newMaterial(specName, call.nowMs)]
  const family: KeyFamily = {
    keySpec: specName,
    keyUsage: usage,
    origin,
    multiRegion,
    primaryRegion: call.region,
    materials,
    rotation: undefined,
    onDemandRotations: 0,
  }
  const key = newRegionalKey(call, call.region, keyId, { description, policy, tags })
  key.status = origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled'
  call.file.state.families[`${accountId}/${keyId}`] = family
  call.file.state.keys[arn] = key
  call.file.touch()
  call.resources.push({ arn, accountId, type: 'AWS::KMS::Key' })
  return { KeyMetadata: keyMetadata(call.file.state, key) }
}

/** DescribeKey. */
export const describeKey: KmsOperation = (call, input) => {
  const reference = input.keyId()
  const key = findKey(call, reference, { alias: true, crossAccount: true })
  requireKeyPermission(call, key, { grantOperation: 'DescribeKey', requestAlias: reference })
  return { KeyMetadata: keyMetadata(call.file.state, key) }
}

/** ListKeys. */
export const listKeys: KmsOperation = (call, input) => {
  requireIdentityPermission(call, 'kms:ListKeys', '*', 'AccessDeniedException')
  const keys = Object.values(call.file.state.keys)
    .filter((key) => key.accountId === call.principal.accountId && key.region === call.region)
    .filter((key) => keyByArn(call, key.arn) !== undefined)
    .map((key) => ({ KeyArn: key.arn, KeyId: key.keyId }))
  return page(input, keys, 'Keys', 100, 1000)
}

/** UpdateKeyDescription. */
export const updateKeyDescription: KmsOperation = (call, input) => {
  const description = input.requiredText('Description', DESCRIPTION_RULE)
  const key = ownKey(call, input)
  requireNotPendingDeletion(key)
  key.description = description
  call.file.touch()
  return undefined
}

/** The caller's own key that `KeyId` names (id or ARN, no alias), after the permission check. */
export function ownKey(call: Call, input: Input): RegionalKey {
  const key = findKey(call, input.keyId(), OWN_KEY)
  requireKeyPermission(call, key)
  return key
}

function readKeySpec(input: Input): string {
  const given = input.text('KeySpec', { max: 64 })
  const legacy = input.text('CustomerMasterKeySpec', { max: 64 })
  if (given !== undefined && legacy !== undefined) {
    throw validationException('You cannot specify KeySpec and CustomerMasterKeySpec in the same request.')
  }
  const name = given ?? legacy ?? 'SYMMETRIC_DEFAULT'
  if (!Object.hasOwn(KEY_SPECS, name)) {
    const member = given === undefined ? 'customerMasterKeySpec' : 'keySpec'
    const names = Object.keys(KEY_SPECS).join(', ')
    throw constraintViolation(member, name, `Member must satisfy enum value set: [${names}]`)
  }
  return name
}

function readKeyUsage(input: Input, specName: string): KeyFamily['keyUsage'] {
  const usage = input.text('KeyUsage', { max: 64 })
  if (usage === undefined) {
    if (specName === 'SYMMETRIC_DEFAULT') return 'ENCRYPT_DECRYPT'
    throw validationException(
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  }
  if (usage !== 'KEY_AGREEMENT' && !KEY_USAGES.some((known) => known === usage)) {
    throw constraintViolation(
      'keyUsage',
      usage,
      `Member must satisfy enum value set: [${KEY_USAGES.join(', ')}]`,
    )
  }
  if (!keySpec(specName).usages.some((known) => known === usage)) {
    throw validationException(`KeyUsage ${usage} is not compatible with KeySpec ${specName}`)
  }
  return usage
}

function readOrigin(input: Input): KeyFamily['origin'] {
  const origin = input.text('Origin', {
    max: 32,
    values: ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'],
  })
  if (origin === 'AWS_CLOUDHSM' || origin === 'EXTERNAL_KEY_STORE') {
    throw new AwsError('UnsupportedOperationException', `Origin ${origin} is not supported here.`)
  }
  return origin === 'EXTERNAL' ? 'EXTERNAL' : 'AWS_KMS'
}

/** Fresh material for a key spec. */
async function newMaterial(specName: string, nowMs: number): Promise<KeyMaterial> {
  if (specName === 'SYMMETRIC_DEFAULT') return newSymmetricMaterial(nowMs, undefined)
  const bytes = specName.startsWith('HMAC_')
    ? randomBytes(Number(specName.slice('HMAC_'.length)) / 8)
    : (await newKeyPair(specName)).privateKey
  return { id: newHexId(), bytes: bytes.toString('base64'), createdAt: nowMs, rotationType: undefined }
}
