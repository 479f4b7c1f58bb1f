import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { keyPolicy, trustPolicy } from '../../../src/local/aws/world.ts'
import type { WorldReady } from './local-world.ts'

const run = promisify(execFile)

/** A policy document. */
interface Policy {
  Statement: object[]
}

/** True where the AWS command line is installed. */
export function hasAwsCli(): boolean {
  return spawnSync('aws', ['--version']).status === 0
}

/** What a customer does in their own AWS account, with the AWS command line. */
export class CustomerCli {
  readonly #world: WorldReady

  constructor(world: WorldReady) {
    this.#world = world
  }

  /** Regions of the location, the first one first. */
  get regions(): readonly string[] {
    return this.#world.customer.keys.map(({ region }) => region)
  }

  async disableKey(region: string): Promise<void> {
    await this.#kms(region, 'disable-key', '--key-id', this.#keyArn(region))
  }

  async enableKey(region: string): Promise<void> {
    await this.#kms(region, 'enable-key', '--key-id', this.#keyArn(region))
  }

  async scheduleDeletion(region: string): Promise<void> {
    const window = ['--pending-window-in-days', '7']
    await this.#kms(region, 'schedule-key-deletion', '--key-id', this.#keyArn(region), ...window)
  }

  async cancelDeletion(region: string): Promise<void> {
    await this.#kms(region, 'cancel-key-deletion', '--key-id', this.#keyArn(region))
    await this.enableKey(region)
  }

  /** Trust policy: what it was, with further statements. */
  async trust(...further: object[]): Promise<void> {
    await this.#trust(this.#world.customer.externalId, further)
  }

  async changeExternalId(externalId: string): Promise<void> {
    await this.#trust(externalId, [])
  }

  /** Key policies: what they were, with a Deny for the role, in these regions. */
  async denyInKeyPolicy(
    denied: { readonly actions: string; readonly context?: Record<string, string> } | undefined,
    regions = this.regions,
  ): Promise<void> {
    const { accountId, roleArn } = this.#world.customer
    const document = JSON.parse(keyPolicy(accountId, roleArn, this.#world.organization)) as Policy
    if (denied !== undefined) {
      const conditions = Object.entries(denied.context ?? {}).map(([name, value]) => [
        `kms:EncryptionContext:portcullis:${name}`,
        value,
      ])
      document.Statement.push({
        Effect: 'Deny',
        Principal: { AWS: roleArn },
        Action: denied.actions,
        Resource: '*',
        ...(conditions.length === 0 ? {} : { Condition: { StringEquals: Object.fromEntries(conditions) } }),
      })
    }
    for (const region of regions) await this.#putKeyPolicy(region, document)
  }

  /** Gives the role a grant in every region and takes it out of the key policies; resolves to the first's token. */
  async grantInsteadOfPolicy(): Promise<string> {
    const { accountId, roleArn } = this.#world.customer
    const tokens: string[] = []
    for (const region of this.regions) {
      const parameters = [
        ['--key-id', this.#keyArn(region)],
        ['--grantee-principal', roleArn],
        ['--retiring-principal', `arn:aws:iam::${accountId}:user/admin`],
        ['--operations', 'Encrypt', 'Decrypt'],
      ].flat()
      const { stdout } = await this.#kms(region, 'create-grant', ...parameters)
      tokens.push((JSON.parse(stdout) as { GrantToken: string }).GrantToken)
    }
    const document = JSON.parse(keyPolicy(accountId, roleArn, this.#world.organization)) as {
      Statement: { Sid?: string }[]
    }
    document.Statement = document.Statement.filter(({ Sid }) => Sid === 'AccountAdministration')
    for (const region of this.regions) await this.#putKeyPolicy(region, document)
    return tokens[0]!
  }

  async retireGrant(token: string): Promise<void> {
    await this.#kms(this.regions[0]!, 'retire-grant', '--grant-token', token)
  }

  async #putKeyPolicy(region: string, document: Policy): Promise<void> {
    const policy = ['--policy-name', 'default', '--policy', JSON.stringify(document)]
    await this.#kms(region, 'put-key-policy', '--key-id', this.#keyArn(region), ...policy)
  }

  async #trust(externalId: string, further: readonly object[]): Promise<void> {
    const document = JSON.parse(trustPolicy(this.#world.gatewayArn, externalId)) as Policy
    document.Statement.push(...further)
    const roleName = this.#world.customer.roleArn.split('/').at(-1)!
    const policy = ['--policy-document', JSON.stringify(document)]
    await this.#aws('us-east-1', 'iam', 'update-assume-role-policy', '--role-name', roleName, ...policy)
  }

  #keyArn(region: string): string {
    return this.#world.customer.keys.find((key) => key.region === region)!.keyArn
  }

  #kms(region: string, ...parameters: string[]): Promise<{ stdout: string }> {
    return this.#aws(region, 'kms', ...parameters)
  }

  async #aws(region: string, ...parameters: string[]): Promise<{ stdout: string }> {
    const { AWS_CA_BUNDLE: _, ...inherited } = process.env
    const { accessKeyId, secretAccessKey } = this.#world.customer
    return await run('aws', ['--endpoint-url', this.#world.aws, '--region', region, ...parameters], {
      env: {
        ...inherited,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_CONFIG_FILE: '/nonexistent',
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    })
  }
}
