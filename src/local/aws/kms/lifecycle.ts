import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { Input } from './input.ts'
import { familyOf, invalidState, relatives, requireNotPending, requireNotPendingDeletion } from './key.ts'
import { OWN_KEY, ownKey } from './keys.ts'
import { findKey, keyByArn } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { requireKeyPermission } from './permission.ts'

const DAY_MS = 86_400_000

/** EnableKey. */
export const enableKey: KmsOperation = (call, input) => setEnabled(call, input, 'Enabled')

/** DisableKey. */
export const disableKey: KmsOperation = (call, input) => setEnabled(call, input, 'Disabled')

function setEnabled(call: Call, input: Input, status: 'Enabled' | 'Disabled'): undefined {
  const key = ownKey(call, input)
  requireNotPending(key)
  key.status = status
  call.file.touch()
}

/** ScheduleKeyDeletion. */
export const scheduleKeyDeletion: KmsOperation = (call, input) => {
  const days = input.integer('PendingWindowInDays', 7, 30) ?? 30
  const key = findKey(call, input.keyId(), OWN_KEY)
  requireKeyPermission(call, key, { values: { 'kms:scheduledeletionpendingwindowindays': String(days) } })
  requireNotPendingDeletion(key)
  if (key.status === 'Creating' || key.status === 'Updating') throw invalidState(key)
  const { state } = call.file
  const hasReplicas =
    key.region === familyOf(state, key).primaryRegion &&
    relatives(state, key).some((other) => other !== key && keyByArn(call, other.arn) !== undefined)
  key.status = hasReplicas ? 'PendingReplicaDeletion' : 'PendingDeletion'
  key.deletionWindowDays = days
  key.deletionAt = hasReplicas ? undefined : call.nowMs + days * DAY_MS
  call.file.touch()
  const answer = {
    DeletionDate: key.deletionAt === undefined ? undefined : key.deletionAt / 1000,
    KeyId: key.arn,
    KeyState: key.status,
    PendingWindowInDays: days,
  }
  call.responseElements = { keyId: key.arn, keyState: key.status, pendingWindowInDays: days }
  return answer
}

/** CancelKeyDeletion: the key comes back disabled. */
export const cancelKeyDeletion: KmsOperation = (call, input) => {
  const key = ownKey(call, input)
  if (key.status !== 'PendingDeletion' && key.status !== 'PendingReplicaDeletion') {
    throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`)
  }
  key.status = 'Disabled'
  key.deletionAt = undefined
  key.deletionWindowDays = undefined
  call.file.touch()
  call.responseElements = { keyId: key.arn }
  return { KeyId: key.arn }
}
