import type { PolicyStatement, PolicyValue } from './policies.ts'

/** How a template writes a reference; plain JSON for none. */
export type Resolve<Written> = (value: Exclude<PolicyValue, string>) => Written

/** A statement in IAM's JSON grammar, with references as the template writes them. */
export function statementDocument<Written>(
  statement: PolicyStatement,
  resolve: Resolve<Written>,
): Record<string, unknown> {
  const write = (value: PolicyValue): unknown => (typeof value === 'string' ? value : resolve(value))
  const { principal, condition, resources } = statement
  return {
    Sid: statement.sid,
    Effect: 'Allow',
    ...(principal !== undefined && { Principal: writtenPrincipal(principal, write) }),
    Action: single(statement.actions),
    ...(resources !== undefined && { Resource: single(resources.map(write)) }),
    ...(condition !== undefined && { Condition: writtenCondition(condition, write) }),
  }
}

function writtenPrincipal(
  principal: NonNullable<PolicyStatement['principal']>,
  write: (value: PolicyValue) => unknown,
): unknown {
  return 'AWS' in principal ? { AWS: write(principal.AWS) } : principal
}

function writtenCondition(
  condition: NonNullable<PolicyStatement['condition']>,
  write: (value: PolicyValue) => unknown,
): unknown {
  const operators = Object.entries(condition).map(([operator, keys]) => {
    const operands = Object.entries(keys).map(([key, operand]) => [
      key,
      Array.isArray(operand) ? operand.map(write) : write(operand as PolicyValue),
    ])
    return [operator, Object.fromEntries(operands)]
  })
  return Object.fromEntries(operators)
}

function single(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values
}
