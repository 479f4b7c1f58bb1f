import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as kms from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws, type LocalAwsOptions } from '../../../src/local/aws/local-aws.ts'
import { createWorld } from '../../../src/local/aws/world.ts'
import { failure, kmsClient, stsClient } from './clients.ts'

const WORLD = { organization: 'acme', externalId: 'ext-1', regions: ['eu-central-1', 'eu-west-1'] }

let directory: string
const running: LocalAws[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-aws-'))
})

afterEach(async () => {
  for (const local of running.splice(0)) await local.stop()
  await rm(directory, { recursive: true, force: true })
})

async function start(options: LocalAwsOptions = {}): Promise<LocalAws> {
  const local = await startLocalAws({ directory, ...options })
  running.push(local)
  return local
}

describe('the state', () => {
  test('survives a restart: keys, states, policies, credentials and live sessions', async () => {
    const first = await start()
    const world = await createWorld(first, WORLD)
    const { Credentials: issued } = await stsClient(first, world.vendor.gateway).send(
      new AssumeRoleCommand({
        RoleArn: world.customer.roleArn,
        RoleSessionName: 'gateway',
        ExternalId: 'ext-1',
      }),
    )
    const session = {
      accessKeyId: issued?.AccessKeyId ?? '',
      secretAccessKey: issued?.SecretAccessKey ?? '',
      sessionToken: issued?.SessionToken,
    }
    const EncryptionContext = { 'portcullis:organization': 'acme', 'portcullis:purpose': 'tenant-key' }
    const KeyId = world.customer.keys[0]?.keyArn
    const { CiphertextBlob } = await kmsClient(first, session).send(
      new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('secret'), EncryptionContext }),
    )
    const west = kmsClient(first, world.customer, 'eu-west-1')
    await west.send(new kms.DisableKeyCommand({ KeyId: world.customer.keys[1]?.keyArn }))
    await first.stop()

    const second = await start()
    expect(await createWorld(second, WORLD)).toEqual(world)
    const { Plaintext } = await kmsClient(second, session).send(
      new kms.DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }),
    )
    expect(Buffer.from(Plaintext ?? []).toString()).toBe('secret')
    const described = await kmsClient(second, world.customer, 'eu-west-1').send(
      new kms.DescribeKeyCommand({ KeyId: world.customer.keys[1]?.keyArn }),
    )
    expect(described.KeyMetadata?.KeyState).toBe('Disabled')
    expect(second.events.list({ eventName: 'Encrypt' })).toHaveLength(1)
  })

  test('does not bring back what the customer deleted', async () => {
    let nowMs = Date.now()
    const first = await start({ clock: () => nowMs })
    const world = await createWorld(first, { ...WORLD, regions: ['eu-central-1'] })
    const KeyId = world.customer.keys[0]?.keyArn
    const admin = kmsClient(first, world.customer)
    await admin.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    await first.stop()
    nowMs += 8 * 86_400_000
    const second = await start({ clock: () => nowMs })
    expect((await createWorld(second, { ...WORLD, regions: ['eu-central-1'] })).customer).toEqual(
      world.customer,
    )
    const describeKey = kmsClient(second, world.customer).send(new kms.DescribeKeyCommand({ KeyId }))
    expect((await failure(describeKey)).name).toBe('NotFoundException')
  })

  test('is durable before the answer: what was acknowledged is in the file, readable by its owner only', async () => {
    const local = await start()
    const admin = await local.createAccount('111122223333')
    const client = kmsClient(local, admin)
    const created = await Promise.all(
      Array.from({ length: 20 }, () => client.send(new kms.CreateKeyCommand({}))),
    )
    const path = join(directory, 'aws-state.json')
    const state = JSON.parse(await readFile(path, 'utf8')) as { keys: Record<string, unknown> }
    const acknowledged = new Set(created.map((answer) => answer.KeyMetadata?.Arn))
    expect(new Set(Object.keys(state.keys))).toEqual(acknowledged)
    expect((await stat(path)).mode & 0o077).toBe(0)
    expect(await readdir(directory)).not.toContain('aws-state.json.new')
  })

  test('ignores a half-written temporary file and a torn last event of a crash', async () => {
    const first = await start()
    const admin = await first.createAccount('111122223333')
    await kmsClient(first, admin).send(new kms.CreateKeyCommand({}))
    await first.stop()
    await writeFile(join(directory, 'aws-state.json.new'), '{"format":1,"tok')
    await appendFile(join(directory, 'cloudtrail.ndjson'), '{"eventName":"Tor')
    const second = await start()
    await kmsClient(second, admin).send(new kms.CreateKeyCommand({}))
    await second.stop()
    const third = await start()
    expect(third.events.list().map((event) => event.eventName)).toEqual(['CreateKey', 'CreateKey'])
  })

  test('that cannot be written is a failure to the caller, and is written as soon as it can be', async () => {
    const local = await start()
    const client = kmsClient(local, await local.createAccount('111122223333'))
    const blocker = join(directory, 'aws-state.json.new')
    await mkdir(blocker)
    const refused = await failure(client.send(new kms.CreateKeyCommand({})))
    expect(refused).toMatchObject({ name: 'KMSInternalException', status: 500 })
    expect(refused.message).not.toContain(directory)
    await rm(blocker, { recursive: true })
    const created = await client.send(new kms.CreateKeyCommand({}))
    const text = await readFile(join(directory, 'aws-state.json'), 'utf8')
    expect(text).toContain(created.KeyMetadata?.Arn)
  })

  test('of another format is refused rather than overwritten', async () => {
    await writeFile(join(directory, 'aws-state.json'), '{"format":2}')
    await expect(startLocalAws({ directory })).rejects.toThrow('format 2')
  })

  test('is forgotten on reset, and old credentials with it', async () => {
    const first = await start()
    const admin = await first.createAccount('111122223333')
    await first.stop()
    const second = await start({ reset: true })
    expect((await failure(kmsClient(second, admin).send(new kms.ListKeysCommand({})))).name).toBe(
      'UnrecognizedClientException',
    )
    expect((await second.createAccount('111122223333')).accessKeyId).not.toBe(admin.accessKeyId)
  })
})
