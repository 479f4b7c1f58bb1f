import { accountRootArn } from '../arns.ts'
import { AwsError } from '../aws-error.ts'
import { decide, globalValues } from '../authorization.ts'
import type { Call } from '../call.ts'
import { parsePolicy, PolicyMalformed, type Policy } from '../policy/document.ts'
import { unknownPrincipal } from '../policy/principal-check.ts'

/** The policy a key gets when CreateKey names none: the account decides by IAM policies. */
export function defaultKeyPolicy(accountId: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: accountRootArn(accountId) },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  })
}

/**
 * Checks a key policy before it is stored: grammar, principals that exist, and that the caller could change it
 * again (unless `bypassLockoutCheck`). Throws `MalformedPolicyDocumentException`.
 */
export function checkKeyPolicy(
  call: Call,
  text: string,
  keyArn: string,
  accountId: string,
  bypassLockoutCheck: boolean,
): void {
  let policy: Policy
  try {
    policy = parsePolicy(text, 'key')
  } catch (error) {
    if (error instanceof PolicyMalformed) throw malformed(error.message)
    throw error
  }
  if (unknownPrincipal(call.file.state, policy) !== undefined) {
    throw malformed('Policy contains a statement with one or more invalid principals.')
  }
  if (bypassLockoutCheck) return
  const refusal = decide(
    call.file.state,
    { principal: call.principal, action: 'kms:putkeypolicy', resource: keyArn, values: globalValues(call) },
    policy,
    accountId,
  )
  if (refusal)
    throw malformed('The new key policy will not allow you to update the key policy in the future.')
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocumentException', message)
}
