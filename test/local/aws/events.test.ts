import { DecryptCommand, EncryptCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TrailEvent } from '../../../src/local/aws/events.ts'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { createWorld, type LocalWorld } from '../../../src/local/aws/world.ts'
import { failure, kmsClient, stsClient, type Credentials } from './clients.ts'

const CONTEXT = { 'portcullis:organization': 'acme', 'portcullis:purpose': 'tenant-key' }

let local: LocalAws
let world: LocalWorld

beforeEach(async () => {
  local = await startLocalAws({ clock: () => Date.UTC(2026, 4, 6, 7, 8, 9, 10) })
  world = await createWorld(local, { organization: 'acme', externalId: 'ext-1', regions: ['eu-central-1'] })
})

afterEach(() => local.stop())

async function assume(): Promise<Credentials> {
  const { Credentials: issued } = await stsClient(local, world.vendor.gateway).send(
    new AssumeRoleCommand({
      RoleArn: world.customer.roleArn,
      RoleSessionName: 'gateway',
      ExternalId: world.customer.externalId,
    }),
  )
  return {
    accessKeyId: issued?.AccessKeyId ?? '',
    secretAccessKey: issued?.SecretAccessKey ?? '',
    sessionToken: issued?.SessionToken,
  }
}

describe('the trail', () => {
  test('shows each use of the key with its encryption context and joins by request id', async () => {
    const session = await assume()
    const KeyId = world.customer.keys[0]?.keyArn
    const client = kmsClient(local, session)
    const sealed = await client.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.from('tenant key'), EncryptionContext: CONTEXT }),
    )
    const opened = await client.send(
      new DecryptCommand({ KeyId, CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: CONTEXT }),
    )
    const [event] = local.events.list({
      accountId: world.customer.accountId,
      requestId: opened.$metadata.requestId ?? '',
    })
    expect(event).toEqual({
      eventVersion: '1.11',
      userIdentity: {
        type: 'AssumedRole',
        principalId: expect.stringMatching(/^AROA\w+:gateway$/),
        arn: `arn:aws:sts::${world.customer.accountId}:assumed-role/portcullis-acme/gateway`,
        accountId: world.customer.accountId,
        accessKeyId: session.accessKeyId,
        sessionContext: {
          sessionIssuer: {
            type: 'Role',
            principalId: expect.stringMatching(/^AROA\w+$/),
            arn: world.customer.roleArn,
            accountId: world.customer.accountId,
            userName: 'portcullis-acme',
          },
          attributes: { creationDate: '2026-05-06T07:08:09Z', mfaAuthenticated: 'false' },
        },
      },
      eventTime: '2026-05-06T07:08:09Z',
      eventSource: 'kms.amazonaws.com',
      eventName: 'Decrypt',
      awsRegion: 'eu-central-1',
      sourceIPAddress: '127.0.0.1',
      userAgent: expect.stringContaining('aws-sdk-js'),
      requestParameters: { keyId: KeyId, encryptionContext: CONTEXT },
      responseElements: null,
      additionalEventData: { keyMaterialId: opened.KeyMaterialId },
      requestID: opened.$metadata.requestId,
      eventID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      readOnly: true,
      resources: [{ accountId: world.customer.accountId, type: 'AWS::KMS::Key', ARN: KeyId }],
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: world.customer.accountId,
      eventCategory: 'Management',
    })
    const text = JSON.stringify(local.events.list())
    expect(text).not.toContain(Buffer.from('tenant key').toString('base64'))
    expect(text).not.toContain(session.secretAccessKey)
    expect(text).not.toContain(session.sessionToken)
  })

  test('shows an assumption in both accounts under one shared id', async () => {
    await assume()
    const [theirs] = local.events.list({ accountId: world.customer.accountId, eventName: 'AssumeRole' })
    const [ours] = local.events.list({ accountId: world.vendor.accountId, eventName: 'AssumeRole' })
    expect(theirs?.userIdentity).toMatchObject({ type: 'AWSAccount', accountId: world.vendor.accountId })
    expect(ours?.userIdentity).toMatchObject({ type: 'IAMUser', userName: 'portcullis-gateway' })
    expect(theirs?.sharedEventID).toBe(ours?.sharedEventID)
    expect(theirs?.requestParameters).toMatchObject({ externalId: 'ext-1', roleSessionName: 'gateway' })
  })

  test('shows refusals with their error', async () => {
    const session = await assume()
    const foreign = { ...CONTEXT, 'portcullis:organization': 'other' }
    await failure(
      kmsClient(local, session).send(
        new EncryptCommand({
          KeyId: world.customer.keys[0]?.keyArn,
          Plaintext: Buffer.from('x'),
          EncryptionContext: foreign,
        }),
      ),
    )
    expect(local.events.list({ eventName: 'Encrypt' })).toMatchObject([
      {
        errorCode: 'AccessDenied',
        errorMessage: expect.stringContaining('is not authorized to perform: kms:Encrypt'),
        requestParameters: { encryptionContext: foreign },
      },
    ])
  })

  test('is told to subscribers as it grows, and read over HTTP', async () => {
    const seen: TrailEvent[] = []
    const unsubscribe = local.events.subscribe((event) => seen.push(event))
    const admin = kmsClient(local, world.customer)
    const KeyId = world.customer.keys[0]?.keyArn
    await failure(admin.send(new PutKeyPolicyCommand({ KeyId, Policy: '{' })))
    unsubscribe()
    await assume()
    expect(seen.map((event) => [event.eventName, event.errorCode, event.readOnly])).toEqual([
      ['PutKeyPolicy', 'MalformedPolicyDocumentException', false],
    ])
    const url = `${local.endpoint}/_portcullis/events?account=${world.customer.accountId}&eventName=PutKeyPolicy`
    const { Records } = (await (await fetch(url)).json()) as { Records: TrailEvent[] }
    expect(Records).toEqual(seen)
  })
})
