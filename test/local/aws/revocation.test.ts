import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { createWorld, keyPolicy, trustPolicy, type LocalWorld } from '../../../src/local/aws/world.ts'
import { failure, iamClient, kmsClient, stsClient, type Credentials } from './clients.ts'

const REGIONS = ['eu-central-1', 'eu-west-1']
const CONTEXT = {
  'portcullis:organization': 'acme',
  'portcullis:purpose': 'tenant-key',
  'portcullis:site': 'acme-one',
}
const DAY_MS = 86_400_000

let nowMs: number
let local: LocalAws
let world: LocalWorld

beforeEach(async () => {
  nowMs = Date.now()
  local = await startLocalAws({ clock: () => nowMs })
  world = await createWorld(local, { organization: 'acme', externalId: 'acme-7f3a', regions: REGIONS })
})

afterEach(() => local.stop())

async function assume(externalId: string | undefined = world.customer.externalId): Promise<Credentials> {
  const { Credentials: issued } = await stsClient(local, world.vendor.gateway).send(
    new AssumeRoleCommand({
      RoleArn: world.customer.roleArn,
      RoleSessionName: 'gateway',
      ExternalId: externalId,
    }),
  )
  return {
    accessKeyId: issued?.AccessKeyId ?? '',
    secretAccessKey: issued?.SecretAccessKey ?? '',
    sessionToken: issued?.SessionToken,
  }
}

async function wrap(credentials: Credentials, region = 'eu-central-1'): Promise<Uint8Array> {
  const KeyId = world.customer.keys.find((key) => key.region === region)?.keyArn
  const answer = await kmsClient(local, credentials, region).send(
    new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(32, 7), EncryptionContext: CONTEXT }),
  )
  return answer.CiphertextBlob ?? new Uint8Array()
}

function unwrap(
  credentials: Credentials,
  CiphertextBlob: Uint8Array,
  region = 'eu-central-1',
  EncryptionContext: Record<string, string> = CONTEXT,
) {
  const KeyId = world.customer.keys.find((key) => key.region === region)?.keyArn
  return kmsClient(local, credentials, region).send(
    new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }),
  )
}

describe('the customer revokes', () => {
  test('a key disabled in one region is disabled there alone', async () => {
    const session = await assume()
    const first = await wrap(session)
    const second = await wrap(session, 'eu-west-1')
    const admin = kmsClient(local, world.customer)
    await admin.send(new DisableKeyCommand({ KeyId: world.customer.keys[0]?.keyArn }))
    expect(await failure(unwrap(session, first))).toEqual({
      name: 'DisabledException',
      message: `${world.customer.keys[0]?.keyArn} is disabled.`,
      status: 400,
    })
    const answer = await unwrap(session, second, 'eu-west-1')
    expect(Buffer.from(answer.Plaintext ?? [])).toEqual(Buffer.alloc(32, 7))
    await admin.send(new EnableKeyCommand({ KeyId: world.customer.keys[0]?.keyArn }))
    await unwrap(session, first)
  })

  test('replicas share key material: what one region wrapped the other unwraps', async () => {
    const session = await assume()
    const answer = await unwrap(session, await wrap(session), 'eu-west-1')
    expect(answer.KeyId).toBe(world.customer.keys[1]?.keyArn)
  })

  test('a trust policy that denies refuses new sessions while earlier ones work until they expire', async () => {
    const session = await assume()
    const wrapped = await wrap(session)
    const iam = iamClient(local, world.customer)
    const RoleName = world.customer.roleArn.split('/')[1]
    const deny = trustPolicy(world.vendor.gateway.arn, '', 'Deny')
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: deny }))
    const refusal = await failure(assume())
    expect(refusal).toEqual({
      name: 'AccessDenied',
      message: `User: ${world.vendor.gateway.arn} is not authorized to perform: sts:AssumeRole on resource: ${world.customer.roleArn}`,
      status: 403,
    })
    await unwrap(session, wrapped)
    nowMs += 3_600_000
    expect((await failure(unwrap(session, wrapped))).name).toBe('ExpiredTokenException')
  })

  test('a wrong or missing ExternalId is refused', async () => {
    expect((await failure(assume('other'))).name).toBe('AccessDenied')
    const bare = new AssumeRoleCommand({ RoleArn: world.customer.roleArn, RoleSessionName: 'gateway' })
    expect((await failure(stsClient(local, world.vendor.gateway).send(bare))).name).toBe('AccessDenied')
  })

  test('a key policy without the role takes access away from live sessions at once', async () => {
    const session = await assume()
    const wrapped = await wrap(session)
    const keyArn = world.customer.keys[0]?.keyArn ?? ''
    const onlyAccount = JSON.parse(keyPolicy(world.customer.accountId, world.customer.roleArn, 'acme'))
    onlyAccount.Statement.length = 1
    const admin = kmsClient(local, world.customer)
    await admin.send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy: JSON.stringify(onlyAccount) }))
    const refusal = await failure(unwrap(session, wrapped))
    expect(refusal.name).toBe('AccessDeniedException')
    expect(refusal.message).toContain(
      `is not authorized to perform: kms:Decrypt on resource: ${keyArn} because no`,
    )
  })

  test('a context outside the key policy is refused, and a context that does not match the ciphertext is invalid', async () => {
    const session = await assume()
    const wrapped = await wrap(session)
    const foreign = { ...CONTEXT, 'portcullis:organization': 'other' }
    expect((await failure(unwrap(session, wrapped, 'eu-central-1', foreign))).name).toBe(
      'AccessDeniedException',
    )
    const swapped = { ...CONTEXT, 'portcullis:site': 'acme-two' }
    expect((await failure(unwrap(session, wrapped, 'eu-central-1', swapped))).name).toBe(
      'InvalidCiphertextException',
    )
  })

  test('a key scheduled for deletion refuses, comes back disabled when cancelled, and is gone after its window', async () => {
    const session = await assume()
    const wrapped = await wrap(session, 'eu-west-1')
    const KeyId = world.customer.keys[1]?.keyArn ?? ''
    const admin = kmsClient(local, world.customer, 'eu-west-1')
    const scheduled = await admin.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    expect(scheduled.KeyState).toBe('PendingDeletion')
    expect(await failure(unwrap(session, wrapped, 'eu-west-1'))).toMatchObject({
      name: 'KMSInvalidStateException',
      message: `${KeyId} is pending deletion.`,
    })
    await admin.send(new CancelKeyDeletionCommand({ KeyId }))
    expect((await failure(unwrap(session, wrapped, 'eu-west-1'))).name).toBe('DisabledException')
    await admin.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    nowMs += 7 * DAY_MS
    expect(await failure(admin.send(new DescribeKeyCommand({ KeyId })))).toMatchObject({
      name: 'NotFoundException',
      message: `Key '${KeyId}' does not exist`,
    })
  })
})
