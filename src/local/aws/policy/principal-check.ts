import { parseArn } from '../arns.ts'
import { own } from '../state/own.ts'
import type { AwsState } from '../state/model.ts'
import type { Policy } from './document.ts'

/**
 * The first AWS principal of a resource policy that does not exist, or undefined. AWS refuses such policies.
 * Accounts this service does not play cannot be looked into: their principals are taken as they are.
 */
export function unknownPrincipal(state: AwsState, policy: Policy): string | undefined {
  for (const statement of policy.statements) {
    for (const { type, value } of statement.principals ?? []) {
      if (type === 'AWS' && !principalExists(state, value)) return value
    }
  }
  return undefined
}

/** Whether an AWS principal of a policy or grant exists, as far as this service can know. */
export function principalExists(state: AwsState, value: string): boolean {
  if (value === '*' || /^\d{12}$/.test(value)) return true
  const arn = parseArn(value)
  if (!arn || arn.partition !== 'aws' || !/^\d{12}$/.test(arn.accountId)) return false
  const account = own(state.accounts, arn.accountId)
  if (arn.service === 'sts') return /^(assumed-role|federated-user)\/./.test(arn.resource)
  if (arn.service !== 'iam') return false
  if (arn.resource === 'root' || !account) return true
  const [kind, ...rest] = arn.resource.split('/')
  const name = rest.at(-1) ?? ''
  if (kind === 'role') return own(account.roles, name)?.arn === value
  return kind === 'user' && own(account.users, name) !== undefined
}
