import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  CancelKeyDeletionCommand,
  CreateGrantCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import type { LocalAws, LocalAwsOptions } from '../../src/local/aws/local-aws.ts'
import { startLocalAws } from '../../src/local/aws/local-aws.ts'
import type { LocalWorld } from '../../src/local/aws/world.ts'
import { createWorld, keyPolicy, trustPolicy } from '../../src/local/aws/world.ts'
import type { KeyAuthority, TenantApp } from '../../src/tenant/tenant.ts'
import { iamClient, kmsClient } from '../local/aws/clients.ts'

interface Policy {
  Statement: { Sid?: string; [member: string]: unknown }[]
}

export const REGIONS = ['eu-central-1', 'eu-west-1']

/** A customer's AWS account on the local AWS, with what a customer does there, and the tenant it belongs to. */
export class Customer {
  readonly local: LocalAws
  readonly world: LocalWorld
  readonly authority: KeyAuthority
  readonly tenant: TenantApp

  private constructor(local: LocalAws, world: LocalWorld) {
    this.local = local
    this.world = world
    this.authority = {
      id: 'acme',
      kind: 'byok',
      location: 'europe',
      accountId: world.customer.accountId,
      roleArn: world.customer.roleArn,
      externalId: world.customer.externalId,
      keys: world.customer.keys,
    }
    this.tenant = { organization: 'acme', site: 'acme-one', app: 'jira', authority: this.authority }
  }

  static async start(options: LocalAwsOptions = {}): Promise<Customer> {
    const local = await startLocalAws(options)
    const world = await createWorld(local, {
      organization: 'acme',
      externalId: 'acme-7f3a',
      regions: REGIONS,
    })
    return new Customer(local, world)
  }

  /** Credentials with which the gateway assumes the role. */
  get gatewayCredentials(): { accessKeyId: string; secretAccessKey: string } {
    return this.world.vendor.gateway
  }

  get endpoints(): { kms: () => string; sts: () => string } {
    return { kms: () => this.local.endpoint, sts: () => this.local.endpoint }
  }

  /** The keys that the vendor manages in its own account, as a second authority on the same AWS. */
  get vendorAuthority(): KeyAuthority {
    const { accountId, roleArn, externalId, keys } = this.world.vendor
    return { id: 'vendor:europe', kind: 'vendor', location: 'europe', accountId, roleArn, externalId, keys }
  }

  async disableKey(region = REGIONS[0]!): Promise<void> {
    await this.#kms(region).send(new DisableKeyCommand({ KeyId: this.keyArn(region) }))
  }

  async enableKey(region = REGIONS[0]!): Promise<void> {
    await this.#kms(region).send(new EnableKeyCommand({ KeyId: this.keyArn(region) }))
  }

  async scheduleDeletion(region: string): Promise<void> {
    const command = new ScheduleKeyDeletionCommand({ KeyId: this.keyArn(region), PendingWindowInDays: 7 })
    await this.#kms(region).send(command)
  }

  async cancelDeletion(region: string): Promise<void> {
    await this.#kms(region).send(new CancelKeyDeletionCommand({ KeyId: this.keyArn(region) }))
    await this.enableKey(region)
  }

  /** Trust policy: Deny for everyone, or as it was. */
  async denyRole(denied: boolean): Promise<void> {
    const allowed = trustPolicy(this.world.vendor.gateway.arn, this.world.customer.externalId)
    const document = JSON.parse(allowed) as { Statement: object[] }
    if (denied) document.Statement.push({ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole' })
    await this.#updateTrust(JSON.stringify(document))
  }

  /** Trust policy that expects another external id. */
  async changeExternalId(externalId: string): Promise<void> {
    await this.#updateTrust(trustPolicy(this.world.vendor.gateway.arn, externalId))
  }

  /** Key policy of every region: without Decrypt for the role, or as it was. */
  async denyDecrypt(denied: boolean): Promise<void> {
    await this.#putKeyPolicy(REGIONS, (document) => {
      if (!denied) return
      document.Statement.push({
        Effect: 'Deny',
        Principal: { AWS: this.world.customer.roleArn },
        Action: 'kms:Decrypt',
        Resource: '*',
      })
    })
  }

  async #putKeyPolicy(regions: readonly string[], change: (document: Policy) => void): Promise<void> {
    for (const region of regions) {
      const allowed = keyPolicy(this.world.customer.accountId, this.world.customer.roleArn, 'acme')
      const document = JSON.parse(allowed) as Policy
      change(document)
      const command = new PutKeyPolicyCommand({
        KeyId: this.keyArn(region),
        Policy: JSON.stringify(document),
        PolicyName: 'default',
      })
      await this.#kms(region).send(command)
    }
  }

  /** Key policy: no use of the key for encryption contexts with these values, in the given regions; none: as it was. */
  async excludeContext(context: Record<string, string> | undefined, regions = REGIONS): Promise<void> {
    const operands = Object.entries(context ?? {}).map(([name, value]) => [
      `kms:EncryptionContext:portcullis:${name}`,
      value,
    ])
    await this.#putKeyPolicy(regions, (document) => {
      if (context === undefined) return
      document.Statement.push({
        Effect: 'Deny',
        Principal: { AWS: this.world.customer.roleArn },
        Action: 'kms:*',
        Resource: '*',
        Condition: { StringEquals: Object.fromEntries(operands) },
      })
    })
  }

  /** Takes the role out of the key policy and gives it a grant instead; resolves to what revokes or retires that. */
  async grantInsteadOfPolicy(): Promise<{ revoke(): Promise<void>; retire(): Promise<void> }> {
    const { roleArn, accountId } = this.world.customer
    const grants = await Promise.all(
      REGIONS.map(async (region) => {
        const { GrantToken: token, GrantId: id } = await this.#kms(region).send(
          new CreateGrantCommand({
            KeyId: this.keyArn(region),
            GranteePrincipal: roleArn,
            RetiringPrincipal: `arn:aws:iam::${accountId}:user/admin`,
            Operations: ['Encrypt', 'Decrypt'],
          }),
        )
        return { region, token: token!, id: id! }
      }),
    )
    await this.#putKeyPolicy(REGIONS, (document) => {
      document.Statement = document.Statement.filter(({ Sid }) => Sid === 'AccountAdministration')
    })
    const [first] = grants
    return {
      revoke: async () => {
        const command = new RevokeGrantCommand({ KeyId: this.keyArn(first!.region), GrantId: first!.id })
        await this.#kms(first!.region).send(command)
      },
      retire: async () => {
        await this.#kms(first!.region).send(new RetireGrantCommand({ GrantToken: first!.token }))
      },
    }
  }

  /** Key policies as they were. */
  async restorePolicy(): Promise<void> {
    await this.#putKeyPolicy(REGIONS, () => undefined)
  }

  keyArn(region: string): string {
    return this.world.customer.keys.find((key) => key.region === region)!.keyArn
  }

  async stop(): Promise<void> {
    await this.local.stop()
  }

  #kms(region: string) {
    return kmsClient(this.local, this.world.customer, region)
  }

  async #updateTrust(policy: string): Promise<void> {
    const roleName = this.world.customer.roleArn.split('/').at(-1)!
    const command = new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: policy })
    await iamClient(this.local, this.world.customer).send(command)
  }
}
