import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam'
import {
  CreateKeyCommand,
  EnableKeyRotationCommand,
  KMSClient,
  ReplicateKeyCommand,
} from '@aws-sdk/client-kms'
import { parse } from 'yaml'

/** Where and as whom a template is applied. */
export interface ApplyTarget {
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly accountId: string
  readonly region: string
}

interface Call {
  readonly function: 'Ref' | 'Sub' | 'GetAtt'
  readonly argument: string
}

type Node = Record<string, unknown>

/** Changes the parsed template before it is applied. */
export type Alteration = (template: { Resources: Record<string, { Type: string; Properties: Node }> }) => void

/**
 * As much of CloudFormation as the templates need: parameters, rules, Ref, Sub, GetAtt, and the KMS and IAM
 * resources, made by the AWS SDK. EventBridge resources are looked over, since the local AWS has none.
 */
export async function applyTemplate(
  text: string,
  target: ApplyTarget,
  parameters: Readonly<Record<string, string>> = {},
  alter: Alteration = () => undefined,
): Promise<Record<string, string>> {
  const template = parse(text, { version: '1.1', customTags: ['Ref', 'Sub', 'GetAtt'].map(tag) }) as Node & {
    Parameters: Record<string, { Default?: string; AllowedPattern?: string; NoEcho?: boolean }>
    Rules: Record<string, { Assertions: { Assert: { 'Fn::Contains': [string[], Call] } }[] }>
    Resources: Record<string, { Type: string; Properties: Node }>
    Outputs?: Record<string, { Value: unknown }>
  }
  alter(template)
  const scope = new Scope(target)
  for (const [name, { Default, AllowedPattern }] of Object.entries(template.Parameters)) {
    const value = parameters[name] ?? Default
    if (value === undefined) throw new Error(`parameter ${name} has no value`)
    if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value)) {
      throw new Error(`parameter ${name} does not match ${AllowedPattern}`)
    }
    scope.refs.set(name, value)
  }
  for (const { Assertions } of Object.values(template.Rules)) {
    for (const { Assert } of Assertions) {
      const [allowed, actual] = Assert['Fn::Contains']
      if (!allowed.includes(scope.resolve(actual) as string))
        throw new Error('a rule of the template is not met')
    }
  }
  const waiting = Object.entries(template.Resources).filter(
    ([, { Type }]) => !Type.startsWith('AWS::Events::'),
  )
  while (waiting.length > 0) {
    const index = waiting.findIndex(([, { Properties }]) => scope.canResolve(Properties))
    if (index < 0) return scope.outputs(template.Outputs ?? {})
    const [[name, { Type, Properties }]] = waiting.splice(index, 1) as [
      [string, { Type: string; Properties: Node }],
    ]
    await scope.create(name, Type, scope.resolve(Properties) as Node)
  }
  return scope.outputs(template.Outputs ?? {})
}

function tag(name: string): { tag: string; resolve: (argument: string) => Call } {
  return { tag: `!${name}`, resolve: (argument) => ({ function: name as Call['function'], argument }) }
}

function isCall(value: unknown): value is Call {
  return typeof value === 'object' && value !== null && 'function' in value && 'argument' in value
}

class Scope {
  readonly refs = new Map<string, string>()
  readonly attributes = new Map<string, string>()
  readonly #target: ApplyTarget
  readonly #iam: IAMClient
  readonly #kms: (region: string) => KMSClient

  constructor(target: ApplyTarget) {
    this.#target = target
    const { endpoint, credentials } = target
    this.#iam = new IAMClient({ region: 'us-east-1', endpoint, credentials })
    this.#kms = (region) => new KMSClient({ region, endpoint, credentials })
    this.refs.set('AWS::AccountId', target.accountId)
    this.refs.set('AWS::Partition', 'aws')
    this.refs.set('AWS::Region', target.region)
  }

  canResolve(value: unknown): boolean {
    try {
      this.resolve(value)
      return true
    } catch {
      return false
    }
  }

  resolve(value: unknown): unknown {
    if (isCall(value)) return this.#call(value)
    if (Array.isArray(value)) return value.map((element) => this.resolve(element))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.resolve(member)]))
  }

  outputs(outputs: Record<string, { Value: unknown }>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { Value }]) => [name, this.resolve(Value) as string]),
    )
  }

  async create(name: string, type: string, properties: Node): Promise<void> {
    switch (type) {
      case 'AWS::IAM::Role':
        return await this.#createRole(name, properties)
      case 'AWS::IAM::RolePolicy':
        await this.#iam.send(
          new PutRolePolicyCommand({
            RoleName: properties['RoleName'] as string,
            PolicyName: properties['PolicyName'] as string,
            PolicyDocument: JSON.stringify(properties['PolicyDocument']),
          }),
        )
        return
      case 'AWS::KMS::Key':
        return await this.#createKey(name, properties)
      case 'AWS::KMS::ReplicaKey':
        return await this.#replicateKey(name, properties)
      default:
        throw new Error(`no ${type} here`)
    }
  }

  async #createRole(name: string, properties: Node): Promise<void> {
    const roleName = (properties['RoleName'] as string | undefined) ?? name
    await this.#deleteRole(roleName)
    const { Role } = await this.#iam.send(
      new CreateRoleCommand({
        RoleName: roleName,
        AssumeRolePolicyDocument: JSON.stringify(properties['AssumeRolePolicyDocument']),
      }),
    )
    this.refs.set(name, roleName)
    this.attributes.set(`${name}.Arn`, Role!.Arn!)
  }

  /** Applying a template again begins anew. */
  async #deleteRole(roleName: string): Promise<void> {
    try {
      const { PolicyNames } = await this.#iam.send(new ListRolePoliciesCommand({ RoleName: roleName }))
      for (const policyName of PolicyNames ?? []) {
        await this.#iam.send(new DeleteRolePolicyCommand({ RoleName: roleName, PolicyName: policyName }))
      }
      await this.#iam.send(new DeleteRoleCommand({ RoleName: roleName }))
    } catch (thrown) {
      if ((thrown as Error).name !== 'NoSuchEntityException') throw thrown
    }
  }

  async #createKey(name: string, properties: Node): Promise<void> {
    const kms = this.#kms(this.#target.region)
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({
        Description: properties['Description'] as string,
        MultiRegion: properties['MultiRegion'] as boolean,
        Policy: JSON.stringify(properties['KeyPolicy']),
      }),
    )
    if (properties['EnableKeyRotation'] === true) {
      await kms.send(new EnableKeyRotationCommand({ KeyId: KeyMetadata!.KeyId! }))
    }
    this.refs.set(name, KeyMetadata!.KeyId!)
    this.attributes.set(`${name}.Arn`, KeyMetadata!.Arn!)
  }

  async #replicateKey(name: string, properties: Node): Promise<void> {
    const primaryKeyArn = properties['PrimaryKeyArn'] as string
    const kms = this.#kms(primaryKeyArn.split(':')[3]!)
    const { ReplicaKeyMetadata } = await kms.send(
      new ReplicateKeyCommand({
        KeyId: primaryKeyArn,
        ReplicaRegion: this.#target.region,
        Policy: JSON.stringify(properties['KeyPolicy']),
      }),
    )
    this.attributes.set(`${name}.Arn`, ReplicaKeyMetadata!.Arn!)
  }

  #call(call: Call): string {
    const known = (map: ReadonlyMap<string, string>, name: string): string => {
      const value = map.get(name)
      if (value === undefined) throw new Error(`${name} is not known yet`)
      return value
    }
    if (call.function === 'Ref') return known(this.refs, call.argument)
    if (call.function === 'GetAtt') return known(this.attributes, call.argument)
    return call.argument.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) =>
      known(name.includes('.') ? this.attributes : this.refs, name),
    )
  }
}
