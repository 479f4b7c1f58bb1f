import { accountRootArn, roleArn, userArn } from './arns.ts'
import type { Call } from './call.ts'
import { IAM_OPERATIONS } from './iam/operations.ts'
import { newRequestId } from './identifiers.ts'
import { Input } from './kms/input.ts'
import { KMS_OPERATIONS } from './kms/operations.ts'
import type { AccessKey, LocalAws } from './local-aws.ts'
import { Form } from './query/form.ts'
import { own } from './state/own.ts'

/** Root keys and the role that may use them, in one account: what a `KeyAuthority` points at. */
export interface AuthorityResources {
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  /** One key per region in the order asked for; all replicas of one multi-region key. */
  readonly keys: readonly { readonly region: string; readonly keyArn: string }[]
}

/** What to make in an account. */
export interface AuthorityOptions {
  /** Names the resources; asking again under the same name returns what was made first, whatever became of it. */
  readonly name: string
  readonly accountId: string
  /** Primary region first. */
  readonly regions: readonly string[]
  readonly externalId: string
  /** ARN of the principal that may assume the role. */
  readonly trustedPrincipalArn: string
  /** Restricts the key to encryption contexts of this organization; undefined for keys that many share. */
  readonly organization: string | undefined
}

/** The ready-made world of `portcullis dev` and of tests. */
export interface LocalWorld {
  readonly customer: AuthorityResources & AccessKey
  readonly vendor: AuthorityResources & {
    /** The administrator of the vendor's account. */
    readonly administrator: AccessKey
    /** The principal the gateway runs as: it may assume roles and nothing else. */
    readonly gateway: AccessKey & { readonly arn: string }
  }
}

/** Options of {@link createWorld}. */
export interface WorldOptions {
  readonly organization: string
  readonly externalId: string
  readonly regions: readonly string[]
  /** Default `111122223333`. */
  readonly customerAccountId?: string
  /** Default `444455556666`. */
  readonly vendorAccountId?: string
}

const GATEWAY_USER = 'portcullis-gateway'
const GATEWAY_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
})

/**
 * A customer account with a multi-region key in `regions`, a role that trusts the gateway's principal under an
 * ExternalId, and a key policy restricted by encryption context; and a vendor account likewise, for keys that
 * the vendor manages. Idempotent: after a restart it returns the same, and never undoes what the customer did.
 */
export async function createWorld(local: LocalAws, options: WorldOptions): Promise<LocalWorld> {
  const customerAccountId = options.customerAccountId ?? '111122223333'
  const vendorAccountId = options.vendorAccountId ?? '444455556666'
  const customerAdministrator = await local.createAccount(customerAccountId)
  const vendorAdministrator = await local.createAccount(vendorAccountId)
  const gateway = await local.createUser(vendorAccountId, GATEWAY_USER, GATEWAY_POLICY)
  const customer = await createAuthority(local, {
    name: options.organization,
    accountId: customerAccountId,
    regions: options.regions,
    externalId: options.externalId,
    trustedPrincipalArn: gateway.arn,
    organization: options.organization,
  })
  const vendor = await createAuthority(local, {
    name: `vendor-${options.regions.join('-')}`,
    accountId: vendorAccountId,
    regions: options.regions,
    externalId: 'portcullis-vendor',
    trustedPrincipalArn: gateway.arn,
    organization: undefined,
  })
  const { accessKeyId, secretAccessKey } = customerAdministrator
  return {
    customer: { ...customer, accessKeyId, secretAccessKey },
    vendor: {
      ...vendor,
      administrator: {
        accessKeyId: vendorAdministrator.accessKeyId,
        secretAccessKey: vendorAdministrator.secretAccessKey,
      },
      gateway,
    },
  }
}

/** Makes a role and a key in every region, as a customer would; the account must exist. */
export async function createAuthority(
  local: LocalAws,
  options: AuthorityOptions,
): Promise<AuthorityResources> {
  const { file } = local.parts
  const name = `${options.accountId}/${options.name}`
  const known = own(file.state.established, name)
  if (known) return known
  const roleName = `portcullis-${options.name}`.replace(/[^\w+=,.@-]/g, '-').slice(0, 64)
  const role = roleArn(options.accountId, '/', roleName)
  const trust = trustPolicy(options.trustedPrincipalArn, options.externalId)
  runIam(local, options.accountId, 'CreateRole', { RoleName: roleName, AssumeRolePolicyDocument: trust })
  const keys = await createKeys(local, options, keyPolicy(options.accountId, role, options.organization))
  const resources = { accountId: options.accountId, roleArn: role, externalId: options.externalId, keys }
  file.state.established[name] = resources
  file.touch()
  await file.commit()
  return resources
}

/** A trust policy for one principal under an ExternalId. */
export function trustPolicy(
  principalArn: string,
  externalId: string,
  effect: 'Allow' | 'Deny' = 'Allow',
): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'PortcullisGateway',
        Effect: effect,
        Principal: { AWS: principalArn },
        Action: 'sts:AssumeRole',
        ...(effect === 'Allow' && { Condition: { StringEquals: { 'sts:ExternalId': externalId } } }),
      },
    ],
  })
}

/** A key policy: the account administers; the role encrypts and decrypts tenant keys of one organization only. */
export function keyPolicy(accountId: string, role: string, organization: string | undefined): string {
  const context: Record<string, string> = { 'kms:EncryptionContext:portcullis:purpose': 'tenant-key' }
  if (organization !== undefined) context['kms:EncryptionContext:portcullis:organization'] = organization
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'portcullis',
    Statement: [
      {
        Sid: 'AccountAdministration',
        Effect: 'Allow',
        Principal: { AWS: accountRootArn(accountId) },
        Action: 'kms:*',
        Resource: '*',
      },
      {
        Sid: 'PortcullisUse',
        Effect: 'Allow',
        Principal: { AWS: role },
        Action: ['kms:Encrypt', 'kms:Decrypt'],
        Resource: '*',
        Condition: { StringEquals: context },
      },
      {
        Sid: 'PortcullisDescribe',
        Effect: 'Allow',
        Principal: { AWS: role },
        Action: 'kms:DescribeKey',
        Resource: '*',
      },
    ],
  })
}

async function createKeys(
  local: LocalAws,
  options: AuthorityOptions,
  policy: string,
): Promise<{ region: string; keyArn: string }[]> {
  const [primaryRegion, ...replicaRegions] = options.regions
  if (primaryRegion === undefined) throw new RangeError('a location has at least one region')
  const created = await runKms(local, options.accountId, primaryRegion, 'CreateKey', {
    Description: `Portcullis root key: ${options.name}`,
    MultiRegion: true,
    Policy: policy,
  })
  const { KeyId, Arn } = created['KeyMetadata'] as { KeyId: string; Arn: string }
  const keys = [{ region: primaryRegion, keyArn: Arn }]
  for (const region of replicaRegions) {
    const answer = await runKms(local, options.accountId, primaryRegion, 'ReplicateKey', {
      KeyId,
      ReplicaRegion: region,
      Policy: policy,
      Description: `Portcullis root key: ${options.name}`,
    })
    const replica = answer['ReplicaKeyMetadata'] as { Arn: string }
    keys.push({ region, keyArn: replica.Arn })
  }
  return keys
}

async function runKms(
  local: LocalAws,
  accountId: string,
  region: string,
  operation: string,
  members: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const answer = await KMS_OPERATIONS.get(operation)?.(
    administratorCall(local, 'kms', accountId, region, operation),
    new Input(members),
  )
  if (!answer) throw new Error(`${operation} gave no answer`)
  return answer
}

function runIam(
  local: LocalAws,
  accountId: string,
  operation: string,
  parameters: Record<string, string>,
): void {
  const form = new Form(new URLSearchParams(parameters).toString())
  IAM_OPERATIONS.get(operation)?.(administratorCall(local, 'iam', accountId, 'us-east-1', operation), form)
}

function administratorCall(
  local: LocalAws,
  service: 'kms' | 'iam',
  accountId: string,
  region: string,
  operation: string,
): Call {
  const { parts } = local
  const arn = userArn(accountId, 'admin')
  return {
    service,
    region,
    operation,
    principal: {
      kind: 'user',
      accountId,
      arn,
      identityArn: arn,
      principalId: parts.file.state.accounts[accountId]?.users['admin']?.userId ?? '',
      accessKeyId: '',
      userName: 'admin',
      roleName: undefined,
      session: undefined,
    },
    requestId: newRequestId(),
    nowMs: parts.clock(),
    sourceAddress: '127.0.0.1',
    file: parts.file,
    keyTransitionMs: parts.keyTransitionMs,
    resources: [],
    responseElements: null,
    additionalEventData: undefined,
  }
}
