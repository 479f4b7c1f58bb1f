import * as kms from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { failure, kmsClient, type Credentials } from './clients.ts'

const DAY_MS = 86_400_000

let nowMs: number
let local: LocalAws
let admin: Credentials
let client: kms.KMSClient

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1)
  local = await startLocalAws({ clock: () => nowMs })
  admin = await local.createAccount('111122223333')
  client = kmsClient(local, admin)
})

afterEach(() => local.stop())

async function createKey(input: kms.CreateKeyCommandInput = {}): Promise<kms.KeyMetadata> {
  const { KeyMetadata } = await client.send(new kms.CreateKeyCommand(input))
  if (!KeyMetadata) throw new Error('no KeyMetadata')
  return KeyMetadata
}

async function encrypt(KeyId: string | undefined): Promise<Uint8Array> {
  const { CiphertextBlob } = await client.send(
    new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('secret') }),
  )
  return CiphertextBlob ?? new Uint8Array()
}

async function decrypt(CiphertextBlob: Uint8Array): Promise<string> {
  const { Plaintext } = await client.send(new kms.DecryptCommand({ CiphertextBlob }))
  return Buffer.from(Plaintext ?? []).toString()
}

describe('the state of a key', () => {
  const uses = (KeyId: string | undefined, CiphertextBlob: Uint8Array) => [
    () => client.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })),
    () => client.send(new kms.DecryptCommand({ KeyId, CiphertextBlob })),
    () => client.send(new kms.DecryptCommand({ CiphertextBlob })),
    () => client.send(new kms.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
    () => client.send(new kms.GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256' })),
    () => client.send(new kms.ReEncryptCommand({ DestinationKeyId: KeyId, CiphertextBlob })),
    () => client.send(new kms.RotateKeyOnDemandCommand({ KeyId })),
    () => client.send(new kms.EnableKeyRotationCommand({ KeyId })),
    () =>
      client.send(
        new kms.CreateGrantCommand({
          KeyId,
          GranteePrincipal: 'arn:aws:iam::111122223333:user/admin',
          Operations: ['Decrypt'],
        }),
      ),
  ]

  test('disabled: no use, but description, policy and deletion', async () => {
    const { KeyId, Arn } = await createKey()
    const wrapped = await encrypt(KeyId)
    await client.send(new kms.DisableKeyCommand({ KeyId }))
    for (const use of uses(KeyId, wrapped)) {
      expect(await failure(use())).toMatchObject({
        name: 'DisabledException',
        message: `${Arn} is disabled.`,
      })
    }
    const { KeyMetadata } = await client.send(new kms.DescribeKeyCommand({ KeyId }))
    expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled', Enabled: false })
    await client.send(new kms.GetKeyPolicyCommand({ KeyId }))
    await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId }))
  })

  test('pending deletion: no use and no change but the cancellation', async () => {
    const { KeyId, Arn } = await createKey()
    const wrapped = await encrypt(KeyId)
    await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 10 }))
    const refused = [
      ...uses(KeyId, wrapped),
      () => client.send(new kms.EnableKeyCommand({ KeyId })),
      () => client.send(new kms.DisableKeyCommand({ KeyId })),
      () => client.send(new kms.ScheduleKeyDeletionCommand({ KeyId })),
      () => client.send(new kms.CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: KeyId })),
      () => client.send(new kms.TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] })),
      () => client.send(new kms.UpdateKeyDescriptionCommand({ KeyId, Description: 'x' })),
    ]
    for (const use of refused) {
      expect(await failure(use())).toMatchObject({
        name: 'KMSInvalidStateException',
        message: `${Arn} is pending deletion.`,
      })
    }
    const { KeyMetadata } = await client.send(new kms.DescribeKeyCommand({ KeyId }))
    expect(KeyMetadata?.DeletionDate).toEqual(new Date(nowMs + 10 * DAY_MS))
    await client.send(new kms.CancelKeyDeletionCommand({ KeyId }))
    expect(await failure(client.send(new kms.CancelKeyDeletionCommand({ KeyId })))).toMatchObject({
      name: 'KMSInvalidStateException',
      message: `${Arn} is not pending deletion.`,
    })
    await client.send(new kms.EnableKeyCommand({ KeyId }))
    expect(await decrypt(wrapped)).toBe('secret')
  })

  test('gone: a ciphertext without a key is refused, a key by name is not found, its material is destroyed', async () => {
    const { KeyId, Arn } = await createKey()
    const wrapped = await encrypt(KeyId)
    await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    nowMs += 7 * DAY_MS - 1
    expect((await failure(decrypt(wrapped))).name).toBe('KMSInvalidStateException')
    nowMs += 1
    expect(await failure(decrypt(wrapped))).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('The ciphertext refers to a customer master key that does not exist'),
    })
    const named = client.send(new kms.DecryptCommand({ KeyId, CiphertextBlob: wrapped }))
    expect(await failure(named)).toMatchObject({
      name: 'NotFoundException',
      message: `Key '${Arn}' does not exist`,
    })
    expect((await client.send(new kms.ListKeysCommand({}))).Keys).toEqual([])
    expect(JSON.stringify(local.parts.file.state)).not.toContain(KeyId)
  })
})

describe('rotation', () => {
  test('on schedule needs nothing from anybody: old ciphertext stays readable, new is under new material', async () => {
    const { KeyId } = await createKey()
    await client.send(new kms.EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }))
    const before = await encrypt(KeyId)
    const { KeyMaterialId: first } = await client.send(new kms.DecryptCommand({ CiphertextBlob: before }))
    nowMs += 200 * DAY_MS
    const after = await encrypt(KeyId)
    const { KeyMaterialId: second } = await client.send(new kms.DecryptCommand({ CiphertextBlob: after }))
    expect(second).not.toBe(first)
    expect(await decrypt(before)).toBe('secret')
    const { Rotations } = await client.send(new kms.ListKeyRotationsCommand({ KeyId }))
    expect(
      Rotations?.map(({ RotationType, RotationDate }) => [RotationType, RotationDate?.toISOString()]),
    ).toEqual([
      ['AUTOMATIC', '2026-04-01T00:00:00.000Z'],
      ['AUTOMATIC', '2026-06-30T00:00:00.000Z'],
    ])
    await client.send(new kms.DisableKeyRotationCommand({ KeyId }))
    const status = await client.send(new kms.GetKeyRotationStatusCommand({ KeyId }))
    expect(status.KeyRotationEnabled).toBe(false)
  })

  test('on demand reaches every replica', async () => {
    const { KeyId } = await createKey({ MultiRegion: true })
    await client.send(new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    const before = await encrypt(KeyId)
    await client.send(new kms.RotateKeyOnDemandCommand({ KeyId }))
    const after = await encrypt(KeyId)
    const west = kmsClient(local, admin, 'eu-west-1')
    for (const CiphertextBlob of [before, after]) {
      const { Plaintext } = await west.send(new kms.DecryptCommand({ KeyId, CiphertextBlob }))
      expect(Buffer.from(Plaintext ?? []).toString()).toBe('secret')
    }
    expect((await failure(west.send(new kms.RotateKeyOnDemandCommand({ KeyId })))).name).toBe(
      'UnsupportedOperationException',
    )
  })
})

describe('a multi-region key', () => {
  test('has a state and a policy per region', async () => {
    const { KeyId } = await createKey({ MultiRegion: true })
    await client.send(new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    const west = kmsClient(local, admin, 'eu-west-1')
    await west.send(new kms.DisableKeyCommand({ KeyId }))
    const wrapped = await encrypt(KeyId)
    expect(await decrypt(wrapped)).toBe('secret')
    const refused = west.send(new kms.DecryptCommand({ KeyId, CiphertextBlob: wrapped }))
    expect((await failure(refused)).name).toBe('DisabledException')
  })

  test('is replicated once per region', async () => {
    const { KeyId } = await createKey({ MultiRegion: true })
    const replicate = () => client.send(new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    await replicate()
    expect((await failure(replicate())).name).toBe('AlreadyExistsException')
  })

  test('loses its primary only after its last replica', async () => {
    const { KeyId } = await createKey({ MultiRegion: true })
    await client.send(new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    const west = kmsClient(local, admin, 'eu-west-1')
    const scheduled = await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    expect(scheduled).toMatchObject({ KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 7 })
    nowMs += 30 * DAY_MS
    const state = async () => (await client.send(new kms.DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState
    expect(await state()).toBe('PendingReplicaDeletion')
    await west.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    nowMs += 7 * DAY_MS
    expect(await state()).toBe('PendingDeletion')
    nowMs += 7 * DAY_MS
    expect((await failure(client.send(new kms.DescribeKeyCommand({ KeyId })))).name).toBe('NotFoundException')
  })

  test('moves its primary region', async () => {
    const { KeyId } = await createKey({ MultiRegion: true })
    await client.send(new kms.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    await client.send(new kms.UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'eu-west-1' }))
    const { KeyMetadata } = await client.send(new kms.DescribeKeyCommand({ KeyId }))
    expect(KeyMetadata?.MultiRegionConfiguration).toMatchObject({
      MultiRegionKeyType: 'REPLICA',
      PrimaryKey: { Region: 'eu-west-1' },
      ReplicaKeys: [{ Region: 'eu-central-1' }],
    })
  })
})

describe('aliases', () => {
  test('name a key for use, move to another and go', async () => {
    const first = await createKey()
    const second = await createKey()
    await client.send(new kms.CreateAliasCommand({ AliasName: 'alias/root', TargetKeyId: first.KeyId }))
    const underFirst = await encrypt('alias/root')
    await client.send(new kms.UpdateAliasCommand({ AliasName: 'alias/root', TargetKeyId: second.KeyId }))
    const answer = await client.send(
      new kms.EncryptCommand({ KeyId: 'alias/root', Plaintext: Buffer.from('x') }),
    )
    expect(answer.KeyId).toBe(second.Arn)
    expect(await decrypt(underFirst)).toBe('secret')
    const { Aliases } = await client.send(new kms.ListAliasesCommand({}))
    expect(Aliases).toMatchObject([{ AliasName: 'alias/root', TargetKeyId: second.KeyId }])
    const again = new kms.CreateAliasCommand({ AliasName: 'alias/root', TargetKeyId: first.KeyId })
    expect((await failure(client.send(again))).name).toBe('AlreadyExistsException')
    await client.send(new kms.DeleteAliasCommand({ AliasName: 'alias/root' }))
    expect(await failure(encrypt('alias/root'))).toMatchObject({
      name: 'NotFoundException',
      message: 'Alias arn:aws:kms:eu-central-1:111122223333:alias/root is not found.',
    })
  })

  test('are refused with a bad name, and where a key must be named itself', async () => {
    const { KeyId } = await createKey()
    const create = (AliasName: string) =>
      client.send(new kms.CreateAliasCommand({ AliasName, TargetKeyId: KeyId }))
    expect((await failure(create('alias/aws/kms'))).name).toBe('NotAuthorizedException')
    expect((await failure(create('alias/a b'))).name).toBe('InvalidAliasNameException')
    expect((await failure(create(`alias/${'a'.repeat(300)}`))).name).toBe('ValidationException')
    await create('alias/a')
    expect((await failure(client.send(new kms.DisableKeyCommand({ KeyId: 'alias/a' })))).name).toBe(
      'NotFoundException',
    )
  })
})

describe('key policies', () => {
  test('that would lock everybody out are refused unless asked for', async () => {
    const { KeyId } = await createKey()
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: '*' }],
    })
    expect(await failure(client.send(new kms.PutKeyPolicyCommand({ KeyId, Policy })))).toMatchObject({
      name: 'MalformedPolicyDocumentException',
      message: 'The new key policy will not allow you to update the key policy in the future.',
    })
    await client.send(new kms.PutKeyPolicyCommand({ KeyId, Policy, BypassPolicyLockoutSafetyCheck: true }))
    expect((await failure(encrypt(KeyId))).message).toContain(
      'with an explicit deny in a resource-based policy',
    )
  })

  test('that name an absent principal, are no policy or are too long are refused', async () => {
    const { KeyId } = await createKey()
    const put = (Policy: string) => client.send(new kms.PutKeyPolicyCommand({ KeyId, Policy }))
    const naming = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::111122223333:root' },
          Action: 'kms:*',
          Resource: '*',
        },
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::111122223333:role/absent' },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    })
    expect(await failure(put(naming))).toMatchObject({
      name: 'MalformedPolicyDocumentException',
      message: 'Policy contains a statement with one or more invalid principals.',
    })
    expect((await failure(put('{'))).name).toBe('MalformedPolicyDocumentException')
    expect((await failure(put(' '.repeat(32_769)))).name).toBe('ValidationException')
    const { Policy, PolicyName } = await client.send(new kms.GetKeyPolicyCommand({ KeyId }))
    expect(PolicyName).toBe('default')
    expect(JSON.parse(Policy ?? '').Id).toBe('key-default-1')
  })
})

describe('a dry run', () => {
  test('says what would happen and does nothing', async () => {
    const { KeyId } = await createKey()
    const wrapped = await encrypt(KeyId)
    const dry = { KeyId, DryRun: true }
    const calls = [
      client.send(new kms.EncryptCommand({ ...dry, Plaintext: Buffer.from('x') })),
      client.send(new kms.DecryptCommand({ ...dry, CiphertextBlob: wrapped })),
      client.send(new kms.GenerateDataKeyCommand({ ...dry, KeySpec: 'AES_256' })),
    ]
    for (const call of calls) expect((await failure(call)).name).toBe('DryRunOperationException')
    await client.send(new kms.DisableKeyCommand({ KeyId }))
    const refused = client.send(new kms.DecryptCommand({ ...dry, CiphertextBlob: wrapped }))
    expect((await failure(refused)).name).toBe('DisabledException')
  })
})
