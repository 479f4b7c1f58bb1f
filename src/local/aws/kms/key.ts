import { AwsError } from '../aws-error.ts'
import { newHexId } from '../identifiers.ts'
import type { AwsState, KeyFamily, KeyMaterial, RegionalKey } from '../state/model.ts'
import { keyArn } from '../arns.ts'
import { keySpec } from './specs.ts'

const DAY_MS = 86_400_000

/** The part of a key that its regional replicas share. */
export function familyOf(state: AwsState, key: RegionalKey): KeyFamily {
  const family = state.families[`${key.accountId}/${key.keyId}`]
  if (!family) throw new Error(`key ${key.arn} has no family`)
  return family
}

/** All regional keys of one key id, primary first. */
export function relatives(state: AwsState, key: RegionalKey): RegionalKey[] {
  const { primaryRegion } = familyOf(state, key)
  return Object.values(state.keys)
    .filter((other) => other.keyId === key.keyId && other.accountId === key.accountId)
    .sort((left, right) => Number(right.region === primaryRegion) - Number(left.region === primaryRegion))
}

/**
 * Lets time act on a key: creation ends, the deletion window ends, automatic rotation comes due.
 * Returns undefined when the key is gone. `changed` is called when the state was altered.
 */
export function settle(
  state: AwsState,
  key: RegionalKey,
  nowMs: number,
  changed: () => void,
): RegionalKey | undefined {
  if ((key.status === 'Creating' || key.status === 'Updating') && key.readyAt <= nowMs) {
    key.status = 'Enabled'
    changed()
  }
  if (key.status === 'PendingReplicaDeletion') startDeletionWhenAlone(state, key, nowMs, changed)
  if (key.status === 'PendingDeletion' && key.deletionAt !== undefined && key.deletionAt <= nowMs) {
    forget(state, key)
    changed()
    return undefined
  }
  rotateWhenDue(state, key, nowMs, changed)
  return key
}

/** A multi-region primary is deleted only after its last replica (AWS KMS: PendingReplicaDeletion). */
function startDeletionWhenAlone(state: AwsState, key: RegionalKey, nowMs: number, changed: () => void): void {
  let lastReplicaGoneAt = 0
  for (const replica of relatives(state, key)) {
    if (replica === key) continue
    if (replica.status !== 'PendingDeletion' || (replica.deletionAt ?? Infinity) > nowMs) return
    lastReplicaGoneAt = Math.max(lastReplicaGoneAt, replica.deletionAt ?? 0)
    forget(state, replica)
  }
  key.status = 'PendingDeletion'
  key.deletionAt = (lastReplicaGoneAt || nowMs) + (key.deletionWindowDays ?? 30) * DAY_MS
  changed()
}

function forget(state: AwsState, key: RegionalKey): void {
  delete state.keys[key.arn]
  for (const alias of Object.values(state.aliases)) {
    const same = alias.accountId === key.accountId && alias.region === key.region
    if (same && alias.targetKeyId === key.keyId) delete state.aliases[alias.arn]
  }
  const survivor = Object.values(state.keys).some((other) => {
    return other.keyId === key.keyId && other.accountId === key.accountId
  })
  if (!survivor) delete state.families[`${key.accountId}/${key.keyId}`]
}

function rotateWhenDue(state: AwsState, key: RegionalKey, nowMs: number, changed: () => void): void {
  const family = familyOf(state, key)
  const { rotation } = family
  if (!rotation || rotation.nextAt > nowMs) return
  const primary = state.keys[keyArn(family.primaryRegion, key.accountId, key.keyId)]
  if (primary?.status !== 'Enabled') return
  while (rotation.nextAt <= nowMs) {
    family.materials.push(newSymmetricMaterial(rotation.nextAt, 'AUTOMATIC'))
    rotation.nextAt += rotation.periodDays * DAY_MS
    changed()
  }
}

/** Fresh 256-bit key material. */
export function newSymmetricMaterial(nowMs: number, rotationType: KeyMaterial['rotationType']): KeyMaterial {
  const bytes = Buffer.from(newHexId(), 'hex').toString('base64')
  return { id: newHexId(), bytes, createdAt: nowMs, rotationType }
}

/** Throws the error AWS gives for a key that cannot be used in its present state; `Updating` keys can. */
export function requireUsable(key: RegionalKey): void {
  if (key.status === 'Disabled') throw new AwsError('DisabledException', `${key.arn} is disabled.`)
  if (key.status !== 'Enabled' && key.status !== 'Updating') throw invalidState(key)
}

/** Throws unless the key is neither pending deletion nor pending import nor in creation; disabled is fine. */
export function requireNotPending(key: RegionalKey): void {
  if (key.status !== 'Enabled' && key.status !== 'Disabled') throw invalidState(key)
}

/** Throws when the key waits for its deletion. */
export function requireNotPendingDeletion(key: RegionalKey): void {
  if (key.status === 'PendingDeletion' || key.status === 'PendingReplicaDeletion') throw invalidState(key)
}

/** `KMSInvalidStateException` that names the state. */
export function invalidState(key: RegionalKey): AwsError {
  const words = {
    Creating: 'is creating',
    Updating: 'is updating',
    Enabled: 'is enabled',
    Disabled: 'is disabled',
    PendingDeletion: 'is pending deletion',
    PendingReplicaDeletion: 'is pending replica deletion',
    PendingImport: 'is pending import',
  }[key.status]
  return new AwsError('KMSInvalidStateException', `${key.arn} ${words}.`)
}

/** `KeyMetadata` as DescribeKey returns it. */
export function keyMetadata(state: AwsState, key: RegionalKey): Record<string, unknown> {
  const family = familyOf(state, key)
  const spec = keySpec(family.keySpec)
  const signs = family.keyUsage === 'SIGN_VERIFY'
  // AWS shows the current material of symmetric keys only, and not before a replica is made
  const shown = family.keySpec === 'SYMMETRIC_DEFAULT' && key.status !== 'Creating'
  return {
    AWSAccountId: key.accountId,
    Arn: key.arn,
    CreationDate: key.createdAt / 1000,
    CurrentKeyMaterialId: shown ? family.materials.at(-1)?.id : undefined,
    CustomerMasterKeySpec: family.keySpec,
    DeletionDate: key.status === 'PendingDeletion' ? (key.deletionAt ?? 0) / 1000 : undefined,
    Description: key.description,
    Enabled: key.status === 'Enabled' || key.status === 'Updating',
    EncryptionAlgorithms: family.keyUsage === 'ENCRYPT_DECRYPT' ? spec.encryption : undefined,
    ExpirationModel:
      family.origin === 'EXTERNAL' && key.status !== 'PendingImport'
        ? 'KEY_MATERIAL_DOES_NOT_EXPIRE'
        : undefined,
    KeyAgreementAlgorithms: family.keyUsage === 'KEY_AGREEMENT' ? spec.agreement : undefined,
    KeyId: key.keyId,
    KeyManager: 'CUSTOMER',
    KeySpec: family.keySpec,
    KeyState: key.status,
    KeyUsage: family.keyUsage,
    MacAlgorithms: family.keyUsage === 'GENERATE_VERIFY_MAC' ? spec.mac : undefined,
    MultiRegion: family.multiRegion,
    MultiRegionConfiguration: family.multiRegion ? multiRegionConfiguration(state, key, family) : undefined,
    Origin: family.origin,
    PendingDeletionWindowInDays: key.status === 'PendingReplicaDeletion' ? key.deletionWindowDays : undefined,
    SigningAlgorithms: signs ? spec.signing : undefined,
  }
}

function multiRegionConfiguration(
  state: AwsState,
  key: RegionalKey,
  family: KeyFamily,
): Record<string, unknown> {
  const primary = {
    Arn: keyArn(family.primaryRegion, key.accountId, key.keyId),
    Region: family.primaryRegion,
  }
  return {
    MultiRegionKeyType: key.region === family.primaryRegion ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: primary,
    ReplicaKeys: relatives(state, key)
      .filter((other) => other.region !== family.primaryRegion)
      .map((other) => ({ Arn: other.arn, Region: other.region })),
  }
}
