import { AwsError } from '../aws-error.ts'
import type { Input } from './input.ts'
import { checkKeyPolicy } from './key-policy.ts'
import { ownKey, POLICY_CHARACTERS_MAX } from './keys.ts'
import { findKey } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'

const POLICY_NAME_RULE = { min: 1, max: 128, pattern: /^[\w]+$/ }

/** PutKeyPolicy. */
export const putKeyPolicy: KmsOperation = (call, input) => {
  requirePolicyName(input)
  const policy = input.requiredText('Policy', { min: 1, max: POLICY_CHARACTERS_MAX })
  const bypass = input.flag('BypassPolicyLockoutSafetyCheck')
  const key = findKey(call, input.keyId(), { alias: false, crossAccount: false })
  requireKeyPermission(call, key, { values: { 'kms:bypasspolicylockoutsafetycheck': String(bypass) } })
  checkKeyPolicy(call, policy, key.arn, key.accountId, bypass)
  key.policy = policy
  call.file.touch()
  return undefined
}

/** GetKeyPolicy. */
export const getKeyPolicy: KmsOperation = (call, input) => {
  requirePolicyName(input)
  return { Policy: ownKey(call, input).policy, PolicyName: 'default' }
}

/** ListKeyPolicies: a key has exactly one policy, `default`. */
export const listKeyPolicies: KmsOperation = (call, input) => {
  ownKey(call, input)
  return page(input, ['default'], 'PolicyNames', 100, 1000)
}

function requirePolicyName(input: Input): void {
  const name = input.text('PolicyName', POLICY_NAME_RULE)
  if (name !== undefined && name !== 'default') {
    throw new AwsError('NotFoundException', 'No such policy exists')
  }
}
