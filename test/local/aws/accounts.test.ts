import * as iam from '@aws-sdk/client-iam'
import * as kms from '@aws-sdk/client-kms'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { failure, iamClient, kmsClient, stsClient, type Credentials } from './clients.ts'

const OWNER = '111122223333'
const OTHER = '444455556666'

let local: LocalAws
let owner: Credentials
let other: Credentials

beforeEach(async () => {
  local = await startLocalAws()
  owner = await local.createAccount(OWNER)
  other = await local.createAccount(OTHER)
})

afterEach(() => local.stop())

function policy(...statements: object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements })
}

async function makeRole(RoleName: string, account = OWNER, credentials = owner): Promise<Credentials> {
  const trust = policy({ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' })
  await iamClient(local, credentials).send(
    new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }),
  )
  return assume(`arn:aws:iam::${account}:role/${RoleName}`, credentials)
}

async function assume(RoleArn: string, credentials: Credentials): Promise<Credentials> {
  const command = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'session' })
  const { Credentials: issued } = await stsClient(local, credentials).send(command)
  return {
    accessKeyId: issued?.AccessKeyId ?? '',
    secretAccessKey: issued?.SecretAccessKey ?? '',
    sessionToken: issued?.SessionToken,
  }
}

async function createKey(credentials = owner, Policy?: string): Promise<string> {
  const command = new kms.CreateKeyCommand(Policy === undefined ? {} : { Policy })
  return (await kmsClient(local, credentials).send(command)).KeyMetadata?.Arn ?? ''
}

const encrypt = (credentials: Credentials, KeyId: string, EncryptionContext?: Record<string, string>) =>
  kmsClient(local, credentials).send(
    new kms.EncryptCommand({
      KeyId,
      Plaintext: Buffer.from('x'),
      ...(EncryptionContext && { EncryptionContext }),
    }),
  )

describe('identities', () => {
  test('are told by GetCallerIdentity', async () => {
    const session = await makeRole('gateway')
    const whoami = (credentials: Credentials) =>
      stsClient(local, credentials).send(new GetCallerIdentityCommand({}))
    expect(await whoami(owner)).toMatchObject({ Account: OWNER, Arn: `arn:aws:iam::${OWNER}:user/admin` })
    expect(await whoami(session)).toMatchObject({
      Account: OWNER,
      Arn: `arn:aws:sts::${OWNER}:assumed-role/gateway/session`,
      UserId: expect.stringMatching(/^AROA[A-Z2-7]{17}:session$/),
    })
  })

  test('cannot be patched together from parts of two sessions', async () => {
    const first = await makeRole('first')
    const second = await makeRole('second')
    const mixed = { ...first, sessionToken: second.sessionToken }
    const refused = failure(kmsClient(local, mixed).send(new kms.ListKeysCommand({})))
    expect((await refused).name).toBe('UnrecognizedClientException')
    const { sessionToken: _token, ...bare } = first
    expect((await failure(kmsClient(local, bare).send(new kms.ListKeysCommand({})))).name).toBe(
      'UnrecognizedClientException',
    )
    const forged = { ...first, sessionToken: Buffer.from('forged').toString('base64') }
    expect((await failure(kmsClient(local, forged).send(new kms.ListKeysCommand({})))).name).toBe(
      'UnrecognizedClientException',
    )
  })

  test('end with their role, even when one of the same name follows', async () => {
    const session = await makeRole('gateway')
    await iamClient(local, owner).send(new iam.DeleteRoleCommand({ RoleName: 'gateway' }))
    const use = () => stsClient(local, session).send(new GetCallerIdentityCommand({}))
    expect((await failure(use())).name).toBe('InvalidClientTokenId')
    await makeRole('gateway')
    expect((await failure(use())).name).toBe('InvalidClientTokenId')
  })
})

describe('AssumeRole', () => {
  const RoleArn = `arn:aws:iam::${OWNER}:role/gateway`

  test('refuses what it does not support, clearly', async () => {
    await makeRole('gateway')
    const command = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'session', Policy: '{}' })
    expect(await failure(stsClient(local, owner).send(command))).toMatchObject({
      name: 'ValidationError',
      message: 'The parameter Policy is not supported by the local STS.',
    })
  })

  test('keeps durations within the role and within chains', async () => {
    const session = await makeRole('gateway')
    const ask = (DurationSeconds: number, credentials = owner) =>
      stsClient(local, credentials).send(
        new AssumeRoleCommand({ RoleArn, RoleSessionName: 'session', DurationSeconds }),
      )
    expect((await failure(ask(899))).name).toBe('ValidationError')
    expect((await failure(ask(3601))).message).toContain('exceeds the MaxSessionDuration')
    await ask(900)
    expect((await failure(ask(900, session))).name).toBe('AccessDenied')
  })

  test('tells a stranger nothing about which roles exist', async () => {
    await makeRole('gateway')
    const ask = (arn: string) =>
      failure(
        stsClient(local, other).send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'session' })),
      )
    const present = await ask(RoleArn)
    const absent = await ask(RoleArn.replace('gateway', 'absent'))
    expect(present.name).toBe('AccessDenied')
    expect(absent.message).toBe(present.message.replace('gateway', 'absent'))
  })

  test('needs the permission of both accounts', async () => {
    const stranger = await local.createUser(
      OTHER,
      'stranger',
      policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }),
    )
    const RoleName = 'gateway'
    const trust = policy({ Effect: 'Allow', Principal: { AWS: stranger.arn }, Action: 'sts:AssumeRole' })
    await iamClient(local, owner).send(
      new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }),
    )
    expect((await failure(assume(RoleArn, stranger))).name).toBe('AccessDenied')
  })
})

describe('a key of another account', () => {
  test('cannot be seen, listed or used', async () => {
    const arn = await createKey()
    const client = kmsClient(local, other)
    expect((await client.send(new kms.ListKeysCommand({}))).Keys).toEqual([])
    const absent = `${arn.slice(0, -12)}000000000000`
    for (const KeyId of [arn, absent]) {
      expect((await failure(client.send(new kms.DescribeKeyCommand({ KeyId })))).name).toBe(
        'AccessDeniedException',
      )
      expect((await failure(client.send(new kms.DisableKeyCommand({ KeyId })))).name).toBe(
        'AccessDeniedException',
      )
      expect((await failure(encrypt(other, KeyId))).name).toBe('AccessDeniedException')
    }
    const { CiphertextBlob } = await encrypt(owner, arn)
    expect((await failure(client.send(new kms.DecryptCommand({ CiphertextBlob })))).name).toBe(
      'AccessDeniedException',
    )
  })

  test('can be used when its policy and the caller’s own both allow', async () => {
    const root = { Effect: 'Allow', Principal: { AWS: OWNER }, Action: 'kms:*', Resource: '*' }
    const share = { Effect: 'Allow', Principal: { AWS: OTHER }, Action: 'kms:Encrypt', Resource: '*' }
    const arn = await createKey(owner, policy(root, share))
    await encrypt(other, arn)
    const powerless = await local.createUser(
      OTHER,
      'powerless',
      policy({ Effect: 'Allow', Action: 's3:*', Resource: '*' }),
    )
    expect((await failure(encrypt(powerless, arn))).message).toContain(
      'because no identity-based policy allows',
    )
  })
})

describe('a role of the same account', () => {
  test('needs its own policy where the key policy delegates to the account', async () => {
    const arn = await createKey()
    const session = await makeRole('gateway')
    expect((await failure(encrypt(session, arn))).message).toContain(
      'because no identity-based policy allows',
    )
    const client = iamClient(local, owner)
    const RoleName = 'gateway'
    const PolicyDocument = policy({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: arn })
    await client.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'use', PolicyDocument }))
    await encrypt(session, arn)
    const read = await client.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 'use' }))
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(PolicyDocument)
    await client.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'use' }))
    expect((await failure(encrypt(session, arn))).name).toBe('AccessDeniedException')
  })
})

describe('a grant', () => {
  test('gives its operations within its encryption context, until it is revoked or retired', async () => {
    const arn = await createKey()
    const session = await makeRole('gateway')
    const GranteePrincipal = `arn:aws:iam::${OWNER}:role/gateway`
    const client = kmsClient(local, owner)
    const grant = (Constraints: kms.GrantConstraints, Name: string) =>
      client.send(
        new kms.CreateGrantCommand({
          KeyId: arn,
          GranteePrincipal,
          Operations: ['Encrypt'],
          Constraints,
          Name,
        }),
      )
    const subset = await grant({ EncryptionContextSubset: { site: 'one' } }, 'subset')
    await encrypt(session, arn, { site: 'one', app: 'jira' })
    expect((await failure(encrypt(session, arn, { site: 'two' }))).name).toBe('AccessDeniedException')
    expect((await failure(encrypt(session, arn))).name).toBe('AccessDeniedException')
    expect((await grant({ EncryptionContextSubset: { site: 'one' } }, 'subset')).GrantId).toBe(subset.GrantId)
    await client.send(new kms.RevokeGrantCommand({ KeyId: arn, GrantId: subset.GrantId }))
    expect((await failure(encrypt(session, arn, { site: 'one' }))).name).toBe('AccessDeniedException')

    const exact = await grant({ EncryptionContextEquals: { site: 'one' } }, 'exact')
    await encrypt(session, arn, { site: 'one' })
    expect((await failure(encrypt(session, arn, { site: 'one', app: 'jira' }))).name).toBe(
      'AccessDeniedException',
    )
    const { Grants } = await client.send(new kms.ListGrantsCommand({ KeyId: arn }))
    expect(Grants).toMatchObject([
      {
        GrantId: exact.GrantId,
        Operations: ['Encrypt'],
        Constraints: { EncryptionContextEquals: { site: 'one' } },
      },
    ])
    await client.send(new kms.RetireGrantCommand({ GrantToken: exact.GrantToken }))
    expect((await failure(encrypt(session, arn, { site: 'one' }))).name).toBe('AccessDeniedException')
  })

  test('yields to an explicit deny, and a stranger cannot retire it', async () => {
    const arn = await createKey()
    const session = await makeRole('gateway')
    const client = kmsClient(local, owner)
    const GranteePrincipal = `arn:aws:iam::${OWNER}:role/gateway`
    const grant = await client.send(
      new kms.CreateGrantCommand({ KeyId: arn, GranteePrincipal, Operations: ['Encrypt'] }),
    )
    await encrypt(session, arn)
    for (const stranger of [session, other]) {
      const command = new kms.RetireGrantCommand({ KeyId: arn, GrantId: grant.GrantId })
      expect((await failure(kmsClient(local, stranger).send(command))).name).toBe('AccessDeniedException')
    }
    const root = { Effect: 'Allow', Principal: { AWS: OWNER }, Action: 'kms:*', Resource: '*' }
    const deny = {
      Effect: 'Deny',
      Principal: { AWS: GranteePrincipal },
      Action: 'kms:Encrypt',
      Resource: '*',
    }
    await client.send(new kms.PutKeyPolicyCommand({ KeyId: arn, Policy: policy(root, deny) }))
    expect((await failure(encrypt(session, arn))).message).toContain('explicit deny')
  })
})

describe('IAM', () => {
  test('keeps roles of an account apart and names what is missing', async () => {
    await makeRole('gateway')
    expect((await iamClient(local, other).send(new iam.ListRolesCommand({}))).Roles).toEqual([])
    const { Roles } = await iamClient(local, owner).send(new iam.ListRolesCommand({}))
    expect(Roles?.map((role) => role.RoleName)).toEqual(['gateway'])
    for (const RoleName of ['absent', '__proto__', 'constructor']) {
      expect(await failure(iamClient(local, owner).send(new iam.GetRoleCommand({ RoleName })))).toMatchObject(
        {
          name: 'NoSuchEntityException',
          message: `The role with name ${RoleName} cannot be found.`,
        },
      )
    }
    await expect(makeRole('gateway')).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' })
  })

  test('refuses trust policies that are malformed, too long or name nobody', async () => {
    const create = (AssumeRolePolicyDocument: string) =>
      failure(
        iamClient(local, owner).send(new iam.CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument })),
      )
    expect((await create('{')).name).toBe('MalformedPolicyDocumentException')
    const nobody = `arn:aws:iam::${OTHER}:user/nobody`
    const naming = (AWS: string, Action = 'sts:AssumeRole') =>
      policy({ Effect: 'Allow', Principal: { AWS }, Action })
    expect((await create(naming(nobody))).message).toBe(`Invalid principal in policy: "AWS":"${nobody}"`)
    expect((await create(naming(OTHER, 'kms:Decrypt'))).message).toContain(
      'may only specify STS AssumeRole actions',
    )
    const long = policy({
      Sid: 'a'.repeat(2048),
      Effect: 'Allow',
      Principal: { AWS: OTHER },
      Action: 'sts:AssumeRole',
    })
    expect((await create(long)).name).toBe('LimitExceededException')
  })

  test('deletes a role only once its policies are gone', async () => {
    await makeRole('gateway')
    const client = iamClient(local, owner)
    const RoleName = 'gateway'
    const PolicyDocument = policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' })
    await client.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument }))
    expect((await failure(client.send(new iam.DeleteRoleCommand({ RoleName })))).name).toBe(
      'DeleteConflictException',
    )
    await client.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'p' }))
    await client.send(new iam.DeleteRoleCommand({ RoleName }))
  })
})
