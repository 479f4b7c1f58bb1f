import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import type { AccessKey } from '../../src/local/aws/local-aws.ts'
import { type AuthorityResources, keyPolicy, trustPolicy } from '../../src/local/aws/world.ts'
import { iamClient, kmsClient } from '../local/aws/clients.ts'

/** What a customer does in their own AWS account, with AWS's own clients. */
export class CustomerAccount {
  readonly resources: AuthorityResources
  readonly #local: { readonly endpoint: string }
  readonly #credentials: AccessKey
  readonly #organization: string
  readonly #gatewayArn: string

  constructor(
    local: { readonly endpoint: string },
    resources: AuthorityResources,
    credentials: AccessKey,
    organization: string,
    gatewayArn: string,
  ) {
    this.#local = local
    this.resources = resources
    this.#credentials = credentials
    this.#organization = organization
    this.#gatewayArn = gatewayArn
  }

  async disableKey(region = this.#firstRegion): Promise<void> {
    await this.#kms(region).send(new DisableKeyCommand({ KeyId: this.#keyArn(region) }))
  }

  async enableKey(region = this.#firstRegion): Promise<void> {
    await this.#kms(region).send(new EnableKeyCommand({ KeyId: this.#keyArn(region) }))
  }

  async scheduleDeletion(region = this.#lastRegion): Promise<void> {
    const command = new ScheduleKeyDeletionCommand({ KeyId: this.#keyArn(region), PendingWindowInDays: 7 })
    await this.#kms(region).send(command)
  }

  async cancelDeletion(region = this.#lastRegion): Promise<void> {
    await this.#kms(region).send(new CancelKeyDeletionCommand({ KeyId: this.#keyArn(region) }))
    await this.enableKey(region)
  }

  async rotateKey(): Promise<void> {
    await this.#kms(this.#firstRegion).send(
      new RotateKeyOnDemandCommand({ KeyId: this.#keyArn(this.#firstRegion) }),
    )
  }

  /** Trust policy: Deny for everyone, or as it was. */
  async denyRole(denied: boolean): Promise<void> {
    const { externalId, roleArn } = this.resources
    const document = JSON.parse(trustPolicy(this.#gatewayArn, externalId)) as { Statement: object[] }
    if (denied) document.Statement.push({ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole' })
    await iamClient(this.#local, this.#credentials).send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: roleArn.split('/').at(-1)!,
        PolicyDocument: JSON.stringify(document),
      }),
    )
  }

  /** Key policy of every region: without Decrypt for the role, or as it was. */
  async denyDecrypt(denied: boolean): Promise<void> {
    const { accountId, roleArn, keys } = this.resources
    const document = JSON.parse(keyPolicy(accountId, roleArn, this.#organization)) as { Statement: object[] }
    if (denied) {
      document.Statement.push({
        Effect: 'Deny',
        Principal: { AWS: roleArn },
        Action: 'kms:Decrypt',
        Resource: '*',
      })
    }
    for (const { region, keyArn } of keys) {
      const Policy = JSON.stringify(document)
      await this.#kms(region).send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy, PolicyName: 'default' }))
    }
  }

  get #firstRegion(): string {
    return this.resources.keys[0]!.region
  }

  get #lastRegion(): string {
    return this.resources.keys.at(-1)!.region
  }

  #keyArn(region: string): string {
    return this.resources.keys.find((key) => key.region === region)!.keyArn
  }

  #kms(region: string) {
    return kmsClient(this.#local, this.#credentials, region)
  }
}
