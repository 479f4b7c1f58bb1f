import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../src/local/aws/local-aws.ts'
import { createWorld, trustPolicy, type LocalWorld } from '../../src/local/aws/world.ts'

const run = promisify(execFile)
const hasBoto = spawnSync('python3', ['-c', 'import boto3']).status === 0
const hasCommandLine = spawnSync('aws', ['--version']).status === 0
const TIMEOUT_MS = 120_000

let local: LocalAws
let world: LocalWorld

beforeAll(async () => {
  local = await startLocalAws()
  world = await createWorld(local, {
    organization: 'acme',
    externalId: 'ext-1',
    regions: ['eu-central-1', 'eu-west-1'],
  })
})

afterAll(() => local.stop())

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    AWS_ACCESS_KEY_ID: world.customer.accessKeyId,
    AWS_SECRET_ACCESS_KEY: world.customer.secretAccessKey,
    AWS_ENDPOINT_URL: local.endpoint,
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_MAX_ATTEMPTS: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

/** The output of the AWS command line, or the error code it names. */
async function aws(...parameters: string[]): Promise<unknown> {
  try {
    const { stdout } = await run('aws', [...parameters, '--output', 'json'], { env: environment() })
    return stdout.trim() === '' ? undefined : JSON.parse(stdout)
  } catch (error) {
    const code = /An error occurred \((\w+)\)/.exec((error as { stderr?: string }).stderr ?? '')
    if (!code) throw error
    return code[1]
  }
}

describe.skipIf(!hasCommandLine)('the AWS command line (skipped where it is absent)', () => {
  test('does there what a customer does', { timeout: TIMEOUT_MS }, async () => {
    const [first, second] = world.customer.keys.map((key) => key.keyArn)
    const keyId = first ?? ''
    const roleName = world.customer.roleArn.split('/')[1] ?? ''
    expect(await aws('sts', 'get-caller-identity')).toMatchObject({ Account: world.customer.accountId })
    await aws('kms', 'disable-key', '--key-id', keyId)
    expect(await aws('kms', 'encrypt', '--key-id', keyId, '--plaintext', 'AAAA')).toBe('DisabledException')
    await aws('kms', 'enable-key', '--key-id', keyId)
    const { Policy } = (await aws(
      'kms',
      'get-key-policy',
      '--key-id',
      keyId,
      '--policy-name',
      'default',
    )) as {
      Policy: string
    }
    await aws('kms', 'put-key-policy', '--key-id', keyId, '--policy-name', 'default', '--policy', Policy)
    const west = ['--key-id', second ?? '', '--region', 'eu-west-1']
    expect(await aws('kms', 'schedule-key-deletion', ...west, '--pending-window-in-days', '7')).toMatchObject(
      {
        KeyState: 'PendingDeletion',
      },
    )
    await aws('kms', 'cancel-key-deletion', ...west)
    await aws('kms', 'enable-key', ...west)
    await aws('kms', 'enable-key-rotation', '--key-id', keyId)
    await aws('kms', 'rotate-key-on-demand', '--key-id', keyId)
    const deny = trustPolicy(world.vendor.gateway.arn, '', 'Deny')
    await aws('iam', 'update-assume-role-policy', '--role-name', roleName, '--policy-document', deny)
    const role = (await aws('iam', 'get-role', '--role-name', roleName)) as {
      Role: { AssumeRolePolicyDocument: { Statement: { Effect: string }[] } }
    }
    expect(role.Role.AssumeRolePolicyDocument.Statement[0]?.Effect).toBe('Deny')
    expect(await aws('iam', 'get-role', '--role-name', 'absent')).toBe('NoSuchEntity')
  })
})

const SCRIPT = `
import boto3, json, os
from botocore.exceptions import ClientError
def code(call):
    try:
        call()
        return 'ok'
    except ClientError as error:
        return error.response['Error']['Code']
kms = boto3.client('kms')
key = kms.create_key(MultiRegion=True, Tags=[{'TagKey': 'a', 'TagValue': 'b'}])['KeyMetadata']
kms.replicate_key(KeyId=key['KeyId'], ReplicaRegion='eu-west-1')
west = boto3.client('kms', region_name='eu-west-1')
context = {'site': 'one'}
blob = kms.encrypt(KeyId=key['Arn'], Plaintext=b'secret', EncryptionContext=context)['CiphertextBlob']
role = boto3.client('iam').create_role(RoleName='boto', AssumeRolePolicyDocument=json.dumps({
  'Version': '2012-10-17',
  'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': os.environ['ACCOUNT']}, 'Action': 'sts:AssumeRole'}]}))['Role']
session = boto3.client('sts').assume_role(RoleArn=role['Arn'], RoleSessionName='boto')['Credentials']
assumed = boto3.client('sts', aws_access_key_id=session['AccessKeyId'],
  aws_secret_access_key=session['SecretAccessKey'], aws_session_token=session['SessionToken'])
wrong = boto3.client('kms', aws_secret_access_key='wrong', aws_access_key_id=os.environ['AWS_ACCESS_KEY_ID'])
print(json.dumps({
  'plaintext': west.decrypt(CiphertextBlob=blob, EncryptionContext=context)['Plaintext'].decode(),
  'mismatch': code(lambda: kms.decrypt(CiphertextBlob=blob)),
  'wrongSecret': code(lambda: wrong.list_keys()),
  'session': assumed.get_caller_identity()['Arn'],
  'pages': [alias for page in kms.get_paginator('list_aliases').paginate() for alias in page['Aliases']],
  'created': str(key['CreationDate'].tzinfo is not None),
  'disabled': [kms.disable_key(KeyId=key['KeyId'])['ResponseMetadata']['HTTPStatusCode'],
    code(lambda: kms.encrypt(KeyId=key['KeyId'], Plaintext=b'x'))],
}))
`

describe.skipIf(!hasBoto)('boto3 (skipped where it is absent)', () => {
  test('speaks to every service at the one endpoint', { timeout: TIMEOUT_MS }, async () => {
    const env = { ...environment(), ACCOUNT: world.customer.accountId }
    const { stdout } = await run('python3', ['-c', SCRIPT], { env })
    expect(JSON.parse(stdout)).toEqual({
      plaintext: 'secret',
      mismatch: 'InvalidCiphertextException',
      wrongSecret: 'InvalidSignatureException',
      session: `arn:aws:sts::${world.customer.accountId}:assumed-role/boto/boto`,
      pages: [],
      created: 'True',
      disabled: [200, 'DisabledException'],
    })
  })
})
