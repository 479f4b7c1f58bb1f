import type { ProbeOutcome } from './probe.ts'
import { keyPolicy, rolePolicy, trustPolicy } from './policies.ts'
import type { PolicyName, PolicyStatement, Reference } from './policies.ts'
import { statementDocument } from './policy-document.ts'
import type { OnboardingSetup, StatementName, VerificationFinding } from './verification.ts'

/** An outcome in which AWS did not do what was asked. */
export type Unsuccessful = Exclude<ProbeOutcome<unknown>, { verdict: 'allowed' }>

/** Turns outcomes into findings about one setup: names the statement and quotes it as it must read. */
export class Findings {
  readonly #setup: OnboardingSetup
  readonly #statements: Readonly<Record<PolicyName, readonly PolicyStatement[]>>

  constructor(setup: OnboardingSetup) {
    this.#setup = setup
    this.#statements = {
      'trust-policy': trustPolicy(),
      'role-policy': rolePolicy({ regions: setup.keys.map(({ region }) => region) }),
      'key-policy': keyPolicy(),
    }
  }

  /** The role could not be assumed. */
  assumeRefused(region: string, outcome: Unsuccessful): VerificationFinding {
    if (outcome.verdict !== 'refused') return inconclusive(region, 'sts:AssumeRole', outcome)
    const { roleArn, gatewayPrincipalArn } = this.#setup
    if (outcome.by === 'role-policy') {
      const detail = `the gateway's own principal ${gatewayPrincipalArn} may not call sts:AssumeRole on ${roleArn}`
      return { kind: 'missing', statements: [], region, detail, remedy: 'Tell the operator of the gateway.' }
    }
    const name: StatementName = { policy: 'trust-policy', sid: 'GatewayAssumesRole' }
    return {
      kind: outcome.by === 'explicit-deny' ? 'denied' : 'missing',
      statements: [name],
      region,
      detail: `${roleArn} cannot be assumed: it does not exist, or its trust policy does not allow the gateway with this ExternalId`,
      remedy: this.#restore([name]),
    }
  }

  /** The role could be assumed when it must not be. */
  assumeTooWide(region: string, how: string): VerificationFinding {
    const name: StatementName = { policy: 'trust-policy', sid: 'GatewayAssumesRole' }
    return {
      kind: 'too-wide',
      statements: [name],
      region,
      detail: `the role can be assumed ${how}: the condition on sts:ExternalId is missing or too wide`,
      remedy: this.#restore([name]),
    }
  }

  /** A call on the key that must succeed did not. `sids` name the statements that allow it. */
  keyCallRefused(
    region: string,
    action: string,
    sids: { readonly key: string; readonly role: string },
    outcome: Unsuccessful,
  ): VerificationFinding {
    if (outcome.verdict === 'unanswered') return inconclusive(region, action, outcome)
    if (outcome.verdict === 'failed') return this.#keyUnusable(region, action, outcome.awsError)
    const inKeyPolicy: StatementName = { policy: 'key-policy', sid: sids.key }
    const inRolePolicy: StatementName = { policy: 'role-policy', sid: sids.role }
    const statements = {
      'key-policy': [inKeyPolicy],
      'role-policy': [inRolePolicy],
      'explicit-deny': [inKeyPolicy, inRolePolicy],
      unknown: [inKeyPolicy, inRolePolicy],
    }[outcome.by]
    if (outcome.by === 'explicit-deny') {
      const remedy =
        'Find the Deny statement that applies to the role (key policy, policies and permissions boundary of the role, ' +
        'organization policies) and take it out.'
      return {
        kind: 'denied',
        statements,
        region,
        detail: `${action} is explicitly denied in ${region}`,
        remedy,
      }
    }
    return {
      kind: 'missing',
      statements,
      region,
      detail: `${action} is refused in ${region}: ${statements.map(described).join(' or ')} does not allow it`,
      remedy: this.#restore(statements),
    }
  }

  /** A call on the key succeeded that must be refused. */
  keyCallTooWide(region: string, what: string): VerificationFinding {
    const name: StatementName = { policy: 'key-policy', sid: 'GatewayUse' }
    return {
      kind: 'too-wide',
      statements: [name],
      region,
      detail: `${what} is allowed in ${region}`,
      remedy: `${this.#restore([name])} Take out every other statement that lets the role use the key.`,
    }
  }

  #keyUnusable(region: string, action: string, awsError: string): VerificationFinding {
    const keyArn = this.#setup.keys.find((key) => key.region === region)?.keyArn ?? region
    const detail = `${action} fails with ${awsError} for ${keyArn}`
    const remedy =
      awsError === 'NotFoundException'
        ? 'Check the key ARN and its region; a deleted key cannot be brought back.'
        : 'Check that the key is an enabled symmetric encryption key (kms:EnableKey, kms:CancelKeyDeletion).'
    return { kind: 'setting', statements: [], region, detail, remedy }
  }

  #restore(names: readonly StatementName[]): string {
    const quoted = names.map((name) => {
      const statement = this.#statements[name.policy].find(({ sid }) => sid === name.sid)
      if (statement === undefined) throw new Error(`no statement ${name.sid}`)
      const document = statementDocument(statement, (reference) => this.#literal(reference))
      return `in ${described(name)}: ${JSON.stringify(document)}`
    })
    return `The statement must read, ${quoted.join('; or ')}.`
  }

  #literal(reference: Reference): string {
    const { accountId, externalId, gatewayPrincipalArn, keys, organization, roleArn } = this.#setup
    switch (reference.to) {
      case 'account-root':
        return `arn:aws:iam::${accountId}:root`
      case 'external-id':
        return externalId
      case 'gateway-principal':
        return gatewayPrincipalArn
      case 'organization':
        return organization
      case 'role-arn':
        return roleArn
      case 'key-arn':
        return keys.find(({ region }) => region === reference.region)?.keyArn ?? ''
      default:
        return accountId
    }
  }
}

/** AWS gave no verdict. */
export function inconclusive(region: string, action: string, outcome: Unsuccessful): VerificationFinding {
  return {
    kind: 'inconclusive',
    statements: [],
    region,
    detail: `${action} in ${region} got no verdict from AWS (${outcome.awsError})`,
    remedy:
      'Try again. If it stays so, check the network between the gateway and AWS, and that the region is enabled.',
  }
}

function described({ policy, sid }: StatementName): string {
  const owner = {
    'trust-policy': 'trust policy of the role',
    'role-policy': 'policy of the role',
    'key-policy': 'key policy',
  }
  return `statement ${sid} of the ${owner[policy]}`
}
