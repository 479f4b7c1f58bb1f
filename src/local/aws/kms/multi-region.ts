import { keyArn } from '../arns.ts'
import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { KeyFamily, RegionalKey } from '../state/model.ts'
import type { Input } from './input.ts'
import { familyOf, invalidState, keyMetadata, requireUsable } from './key.ts'
import { checkKeyPolicy, defaultKeyPolicy } from './key-policy.ts'
import { DESCRIPTION_RULE, OWN_KEY, POLICY_CHARACTERS_MAX } from './keys.ts'
import { findKey, keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { requireKeyPermission } from './permission.ts'
import { newRegionalKey } from './regional-key.ts'
import { readTags } from './tags.ts'

const REGION_RULE = { min: 1, max: 32, pattern: /^([a-z]+-){2,3}\d+$/ }

/** ReplicateKey: called in the primary's region, makes the replica in `ReplicaRegion`. */
export const replicateKey: KmsOperation = (call, input) => {
  const region = input.requiredText('ReplicaRegion', REGION_RULE)
  const policyText = input.text('Policy', { min: 1, max: POLICY_CHARACTERS_MAX })
  const description = input.text('Description', DESCRIPTION_RULE) ?? ''
  const tags = readTags(input)
  const { key: primary } = primaryKey(call, input, { 'kms:replicaregion': region })
  requireUsable(primary)
  const { state } = call.file
  const arn = keyArn(region, primary.accountId, primary.keyId)
  if (keyByArn(call, arn)) throw new AwsError('AlreadyExistsException', `${arn} already exists.`)
  if (policyText !== undefined) {
    checkKeyPolicy(call, policyText, arn, primary.accountId, input.flag('BypassPolicyLockoutSafetyCheck'))
  }
  const policy = policyText ?? defaultKeyPolicy(primary.accountId)
  const replica = newRegionalKey(call, region, primary.keyId, { description, policy, tags })
  replica.status = 'Creating'
  replica.readyAt = call.nowMs + call.keyTransitionMs
  state.keys[arn] = replica
  call.file.touch()
  return {
    ReplicaKeyMetadata: keyMetadata(state, replica),
    ReplicaPolicy: policy,
    ReplicaTags:
      tags.length > 0 ? tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) : undefined,
  }
}

/** UpdatePrimaryRegion: called in the primary's region; both keys are `Updating` for a while. */
export const updatePrimaryRegion: KmsOperation = (call, input) => {
  const region = input.requiredText('PrimaryRegion', REGION_RULE)
  const { key: primary, family } = primaryKey(call, input, { 'kms:primaryregion': region })
  const arn = keyArn(region, primary.accountId, primary.keyId)
  const replica = keyByArn(call, arn)
  if (!replica || replica === primary) throw new AwsError('NotFoundException', `Key '${arn}' does not exist`)
  for (const key of [primary, replica]) if (key.status !== 'Enabled') throw invalidState(key)
  for (const key of [primary, replica]) {
    key.status = 'Updating'
    key.readyAt = call.nowMs + call.keyTransitionMs
  }
  family.primaryRegion = region
  call.file.touch()
  return undefined
}

/** Throws unless the key is the primary of its family, or of no multi-region family at all. */
export function requirePrimary(family: KeyFamily, key: RegionalKey): void {
  if (family.primaryRegion !== key.region) throw notPrimary(key)
}

function notPrimary(key: RegionalKey): AwsError {
  return new AwsError('UnsupportedOperationException', `${key.arn} is not a multi-region primary key.`)
}

/** The multi-region primary a request names, after the permission check. */
function primaryKey(
  call: Call,
  input: Input,
  values: Record<string, string>,
): { key: RegionalKey; family: KeyFamily } {
  const key = findKey(call, input.keyId(), OWN_KEY)
  requireKeyPermission(call, key, { values })
  const family = familyOf(call.file.state, key)
  if (!family.multiRegion) throw notPrimary(key)
  requirePrimary(family, key)
  return { key, family }
}
