import { keyArn } from '../arns.ts'
import type { Call } from '../call.ts'
import type { RegionalKey } from '../state/model.ts'

/** A key of the caller's account in one region, enabled and without grants. */
export function newRegionalKey(
  call: Call,
  region: string,
  keyId: string,
  given: Pick<RegionalKey, 'description' | 'policy' | 'tags'>,
): RegionalKey {
  const { accountId } = call.principal
  return {
    arn: keyArn(region, accountId, keyId),
    accountId,
    region,
    keyId,
    createdAt: call.nowMs,
    status: 'Enabled',
    readyAt: call.nowMs,
    deletionAt: undefined,
    deletionWindowDays: undefined,
    grants: [],
    ...given,
  }
}
