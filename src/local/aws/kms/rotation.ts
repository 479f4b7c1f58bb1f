import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { KeyFamily, RegionalKey } from '../state/model.ts'
import type { Input } from './input.ts'
import { familyOf, newSymmetricMaterial, requireNotPending, requireUsable } from './key.ts'
import { ownKey } from './keys.ts'
import { findKey } from './lookup.ts'
import { requirePrimary } from './multi-region.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'

const DAY_MS = 86_400_000
const PERIOD_DAYS_DEFAULT = 365
/** Quota of on-demand rotations over a key's life. */
const ON_DEMAND_ROTATIONS_MAX = 25

/** EnableKeyRotation: a new material every `RotationPeriodInDays` (90 to 2,560, default 365). */
export const enableKeyRotation: KmsOperation = (call, input) => {
  const periodDays = input.integer('RotationPeriodInDays', 90, 2560) ?? PERIOD_DAYS_DEFAULT
  const { family } = rotatingKey(call, input, { 'kms:rotationperiodindays': String(periodDays) })
  family.rotation = { periodDays, nextAt: call.nowMs + periodDays * DAY_MS }
  call.file.touch()
  return undefined
}

/** DisableKeyRotation. */
export const disableKeyRotation: KmsOperation = (call, input) => {
  const { family } = rotatingKey(call, input)
  family.rotation = undefined
  call.file.touch()
  return undefined
}

/** GetKeyRotationStatus: false while the key waits for its deletion. */
export const getKeyRotationStatus: KmsOperation = (call, input) => {
  const key = findKey(call, input.keyId(), { alias: false, crossAccount: true })
  requireKeyPermission(call, key)
  const family = familyOf(call.file.state, key)
  requireSymmetricMaterial(family)
  const rotation = key.status === 'Enabled' || key.status === 'Disabled' ? family.rotation : undefined
  return {
    KeyId: key.arn,
    KeyRotationEnabled: rotation !== undefined,
    NextRotationDate: rotation === undefined ? undefined : rotation.nextAt / 1000,
    RotationPeriodInDays: rotation?.periodDays,
  }
}

/** RotateKeyOnDemand: at once; imported keys move on to the material that waits. */
export const rotateKeyOnDemand: KmsOperation = (call, input) => {
  const key = ownKey(call, input)
  requireUsable(key)
  const family = familyOf(call.file.state, key)
  requireSymmetricMaterial(family)
  requirePrimary(family, key)
  const next =
    family.origin === 'EXTERNAL' ? family.pendingMaterial : newSymmetricMaterial(call.nowMs, 'ON_DEMAND')
  if (!next) {
    throw new AwsError(
      'KMSInvalidStateException',
      `No available key material pending rotation for the key: ${key.arn}.`,
    )
  }
  if (family.onDemandRotations >= ON_DEMAND_ROTATIONS_MAX) {
    throw new AwsError(
      'LimitExceededException',
      'The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be ' +
        `performed for this key: ${key.arn}`,
    )
  }
  family.materials.push({ ...next, createdAt: call.nowMs, rotationType: 'ON_DEMAND' })
  family.pendingMaterial = undefined
  family.onDemandRotations++
  call.file.touch()
  return { KeyId: key.arn }
}

/** ListKeyRotations, oldest first; `IncludeKeyMaterial: ALL_KEY_MATERIAL` adds the first material. */
export const listKeyRotations: KmsOperation = (call, input) => {
  const values = ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']
  const all = input.text('IncludeKeyMaterial', { max: 32, values }) === 'ALL_KEY_MATERIAL'
  const key = ownKey(call, input)
  const family = familyOf(call.file.state, key)
  requireSymmetricMaterial(family)
  const rotations = family.materials
    .filter((material) => all || material.rotationType !== undefined)
    .map((material) => ({
      KeyId: key.arn,
      KeyMaterialId: material.id,
      KeyMaterialState: material === family.materials.at(-1) ? 'CURRENT' : 'NON_CURRENT',
      RotationDate: material.rotationType === undefined ? undefined : material.createdAt / 1000,
      RotationType: material.rotationType,
    }))
  return page(input, rotations, 'Rotations', 100, 1000)
}

function rotatingKey(
  call: Call,
  input: Input,
  values: Record<string, string> = {},
): { key: RegionalKey; family: KeyFamily } {
  const key = findKey(call, input.keyId(), { alias: false, crossAccount: false })
  requireKeyPermission(call, key, { values })
  requireNotPending(key)
  requireUsable(key)
  const family = familyOf(call.file.state, key)
  requireSymmetricMaterial(family)
  if (family.origin === 'EXTERNAL') throw wrongOrigin(key, family)
  requirePrimary(family, key)
  return { key, family }
}

/** The operation is not for keys of this origin. */
export function wrongOrigin(key: RegionalKey, family: KeyFamily): AwsError {
  return new AwsError(
    'UnsupportedOperationException',
    `${key.arn} origin is ${family.origin} which is not valid for this operation.`,
  )
}

function requireSymmetricMaterial(family: KeyFamily): void {
  // AWS sends this one without a message
  if (family.keySpec !== 'SYMMETRIC_DEFAULT') throw new AwsError('UnsupportedOperationException')
}
