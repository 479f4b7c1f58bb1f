import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as iam from '@aws-sdk/client-iam'
import * as kms from '@aws-sdk/client-kms'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../src/local/aws/local-aws.ts'
import { iamClient, kmsClient, stsClient, type Credentials } from '../local/aws/clients.ts'

const hasMoto = spawnSync('python3', ['-c', 'import moto.server']).status === 0
const ACCOUNT = '123456789012'
const START_MS_MAX = 60_000

let local: LocalAws
let motoProcess: ChildProcess | undefined
let motoEndpoint = ''
let admin: Credentials

beforeAll(async () => {
  local = await startLocalAws()
  admin = await local.createAccount(ACCOUNT)
  if (!hasMoto) return
  const port = await freePort()
  motoProcess = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  })
  motoEndpoint = `http://127.0.0.1:${port}`
  const deadlineMs = performance.now() + START_MS_MAX
  while (!(await answers(motoEndpoint))) {
    if (performance.now() > deadlineMs) throw new Error('moto did not start')
    await sleep(200)
  }
}, START_MS_MAX)

afterAll(async () => {
  motoProcess?.kill()
  await local.stop()
})

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** An answer without its values: which members there are and of which type; or the name of the error. */
async function shapeOf(call: Promise<object>): Promise<unknown> {
  try {
    const { $metadata: _metadata, ...answer } = (await call) as Record<string, unknown>
    return shape(answer)
  } catch (error) {
    return (error as Error).name
  }
}

function shape(value: unknown): unknown {
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Date) return 'date'
  if (Array.isArray(value)) return value.map(shape)
  if (typeof value !== 'object' || value === null) return typeof value
  // moto shows empty lists where AWS shows nothing
  const members = Object.entries(value).filter(
    ([name, member]) => member !== undefined && !isEmptyList(member) && !MOTO_ONLY.has(name),
  )
  return Object.fromEntries(members.map(([name, member]) => [name, shape(member)]))
}

/** Members that the recorded answers of AWS to the same calls do not have. */
const MOTO_ONLY = new Set(['PackedPolicySize', 'MaxSessionDuration', 'RoleLastUsed'])

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

type Shapes = Record<string, unknown>

/** The same calls in the same order against either. */
async function sequence(endpoint: string): Promise<Shapes> {
  const target = { endpoint }
  const client = kmsClient(target, admin, 'us-east-1')
  const roles = iamClient(target, admin)
  const tokens = stsClient(target, admin)
  const shapes: Shapes = {}
  const step = async (name: string, call: Promise<object>): Promise<void> => {
    shapes[name] = await shapeOf(call)
  }
  const { KeyMetadata } = await client.send(new kms.CreateKeyCommand({ Description: 'moto' }))
  const KeyId = KeyMetadata?.KeyId ?? ''
  const EncryptionContext = { site: 'one' }
  const Plaintext = Buffer.from('secret')
  const { CiphertextBlob } = await client.send(
    new kms.EncryptCommand({ KeyId, Plaintext, EncryptionContext }),
  )

  await step('describe', client.send(new kms.DescribeKeyCommand({ KeyId })))
  await step(
    'describe absent',
    client.send(new kms.DescribeKeyCommand({ KeyId: '134f2428-cec1-4b25-a1ae-9048164dba47' })),
  )
  await step('describe nonsense', client.send(new kms.DescribeKeyCommand({ KeyId: 'nonsense' })))
  await step('list keys', client.send(new kms.ListKeysCommand({})))
  await step('encrypt', client.send(new kms.EncryptCommand({ KeyId, Plaintext, EncryptionContext })))
  await step(
    'encrypt too much',
    client.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.alloc(4097) })),
  )
  await step('decrypt', client.send(new kms.DecryptCommand({ CiphertextBlob, EncryptionContext })))
  await step('decrypt mismatch', client.send(new kms.DecryptCommand({ CiphertextBlob })))
  await step('data key', client.send(new kms.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })))
  await step(
    'data key without plaintext',
    client.send(new kms.GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256' })),
  )
  await step('random', client.send(new kms.GenerateRandomCommand({ NumberOfBytes: 8 })))
  await step('random too much', client.send(new kms.GenerateRandomCommand({ NumberOfBytes: 1025 })))
  await step(
    'create alias',
    client.send(new kms.CreateAliasCommand({ AliasName: 'alias/m', TargetKeyId: KeyId })),
  )
  await step(
    'create alias again',
    client.send(new kms.CreateAliasCommand({ AliasName: 'alias/m', TargetKeyId: KeyId })),
  )
  await step(
    'create alias badly',
    client.send(new kms.CreateAliasCommand({ AliasName: 'm', TargetKeyId: KeyId })),
  )
  await step('describe alias', client.send(new kms.DescribeKeyCommand({ KeyId: 'alias/m' })))
  await step('delete alias', client.send(new kms.DeleteAliasCommand({ AliasName: 'alias/m' })))
  await step('delete alias again', client.send(new kms.DeleteAliasCommand({ AliasName: 'alias/m' })))
  await step('rotation status', client.send(new kms.GetKeyRotationStatusCommand({ KeyId })))
  await step('get policy', client.send(new kms.GetKeyPolicyCommand({ KeyId, PolicyName: 'default' })))
  await step('list policies', client.send(new kms.ListKeyPoliciesCommand({ KeyId })))
  await step(
    'tag',
    client.send(new kms.TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] })),
  )
  await step('tags', client.send(new kms.ListResourceTagsCommand({ KeyId })))
  await step('disable', client.send(new kms.DisableKeyCommand({ KeyId })))
  await step('describe disabled', client.send(new kms.DescribeKeyCommand({ KeyId })))
  await step('enable', client.send(new kms.EnableKeyCommand({ KeyId })))
  await step(
    'schedule deletion',
    client.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
  )
  await step('describe pending', client.send(new kms.DescribeKeyCommand({ KeyId })))
  await step('cancel deletion', client.send(new kms.CancelKeyDeletionCommand({ KeyId })))

  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' }],
  })
  const RoleName = 'moto'
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${RoleName}`
  await step(
    'create role',
    roles.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust })),
  )
  await step(
    'create role again',
    roles.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust })),
  )
  await step('get role', roles.send(new iam.GetRoleCommand({ RoleName })))
  await step('get role absent', roles.send(new iam.GetRoleCommand({ RoleName: 'absent' })))
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }],
  })
  await step(
    'put role policy',
    roles.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument })),
  )
  await step('get role policy', roles.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 'p' })))
  await step(
    'get role policy absent',
    roles.send(new iam.GetRolePolicyCommand({ RoleName, PolicyName: 'q' })),
  )
  await step(
    'update trust',
    roles.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust })),
  )
  await step(
    'update trust badly',
    roles.send(new iam.UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: '{' })),
  )
  await step('assume', tokens.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'session' })))
  await step('identity', tokens.send(new GetCallerIdentityCommand({})))
  await step('delete role too early', roles.send(new iam.DeleteRoleCommand({ RoleName })))
  await step('delete role policy', roles.send(new iam.DeleteRolePolicyCommand({ RoleName, PolicyName: 'p' })))
  await step('delete role', roles.send(new iam.DeleteRoleCommand({ RoleName })))
  return shapes
}

describe.skipIf(!hasMoto)('moto (skipped where it is absent)', () => {
  test(
    'shows no member and no error in the same sequence that is not shown here',
    { timeout: 120_000 },
    async () => {
      const theirs = await sequence(motoEndpoint)
      const ours = await sequence(local.endpoint)
      // moto leaves out members that AWS has: ours hold at least what it shows, errors exactly
      expect(ours).toMatchObject(theirs)
    },
  )
})
