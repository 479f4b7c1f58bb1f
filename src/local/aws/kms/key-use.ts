import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { KeyFamily, RegionalKey } from '../state/model.ts'
import { familyOf, requireUsable } from './key.ts'
import { findKey } from './lookup.ts'
import { requireKeyPermission, type KeyRequest } from './permission.ts'
import type { KeyUsage } from './specs.ts'

/** A key ready to be used. */
export interface UsableKey {
  readonly key: RegionalKey
  readonly family: KeyFamily
}

/** Finds the key a cryptographic call names, then checks permission and state, in AWS's order. */
export function keyForUse(call: Call, reference: string, request: KeyRequest): UsableKey {
  const key = findKey(call, reference, { alias: true, crossAccount: true })
  requireKeyPermission(call, key, { ...request, requestAlias: reference })
  requireUsable(key)
  return { key, family: familyOf(call.file.state, key) }
}

/** Throws `InvalidKeyUsageException` unless the key is for `usage` and knows `algorithm`. */
export function requireUsage(
  call: Call,
  { key, family }: UsableKey,
  usage: KeyUsage,
  algorithm: string | undefined,
  known: readonly string[],
): void {
  if (family.keyUsage !== usage) {
    throw new AwsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${family.keyUsage} which is not valid for ${call.operation}.`,
    )
  }
  if (algorithm !== undefined && !known.includes(algorithm)) {
    throw new AwsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${family.keySpec}.`,
    )
  }
}
