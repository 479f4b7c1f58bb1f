import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { createAuthority, createWorld, type AuthorityResources } from '../../../src/local/aws/world.ts'
import { failure, kmsClient, stsClient, type Credentials } from './clients.ts'

const REGIONS = ['us-east-1', 'us-west-2']

let local: LocalAws

beforeEach(async () => {
  local = await startLocalAws()
})

afterEach(() => local.stop())

async function assume(gateway: Credentials, authority: AuthorityResources): Promise<Credentials> {
  const { roleArn: RoleArn, externalId: ExternalId } = authority
  const command = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'gateway', ExternalId })
  const { Credentials: issued } = await stsClient(local, gateway).send(command)
  return {
    accessKeyId: issued?.AccessKeyId ?? '',
    secretAccessKey: issued?.SecretAccessKey ?? '',
    sessionToken: issued?.SessionToken,
  }
}

async function roundTrip(
  session: Credentials,
  authority: AuthorityResources,
  organization: string,
): Promise<void> {
  const EncryptionContext = { 'portcullis:organization': organization, 'portcullis:purpose': 'tenant-key' }
  for (const { region, keyArn: KeyId } of authority.keys) {
    const client = kmsClient(local, session, region)
    const Plaintext = Buffer.alloc(32, 1)
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))
    await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }))
  }
}

describe('the ready-made world', () => {
  test('lets the gateway use the customer’s key for that customer, and the vendor’s for anybody', async () => {
    const { customer, vendor } = await createWorld(local, {
      organization: 'acme',
      externalId: 'e1',
      regions: REGIONS,
    })
    expect(customer.keys.map((key) => key.region)).toEqual(REGIONS)
    const session = await assume(vendor.gateway, customer)
    await roundTrip(session, customer, 'acme')
    await expect(roundTrip(session, customer, 'other')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    const shared = await assume(vendor.gateway, vendor)
    await roundTrip(shared, vendor, 'other')
    await expect(roundTrip(shared, customer, 'acme')).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  test('gives the gateway no access but through the roles', async () => {
    const { customer, vendor } = await createWorld(local, {
      organization: 'acme',
      externalId: 'e1',
      regions: REGIONS,
    })
    await expect(roundTrip(vendor.gateway, customer, 'acme')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    await expect(roundTrip(vendor.gateway, vendor, 'acme')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
  })

  test('lets the customer alone decrypt what the gateway wrapped', async () => {
    const { customer, vendor } = await createWorld(local, {
      organization: 'acme',
      externalId: 'e1',
      regions: REGIONS,
    })
    await roundTrip(customer, customer, 'acme')
    await expect(roundTrip(vendor.administrator, customer, 'acme')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
  })

  test('takes more customers, each apart from the others', async () => {
    const { customer, vendor } = await createWorld(local, {
      organization: 'acme',
      externalId: 'e1',
      regions: REGIONS,
    })
    const accountId = '777788889999'
    await local.createAccount(accountId)
    const second = await createAuthority(local, {
      name: 'globex',
      accountId,
      regions: ['ap-southeast-2'],
      externalId: 'e2',
      trustedPrincipalArn: vendor.gateway.arn,
      organization: 'globex',
    })
    const session = await assume(vendor.gateway, second)
    await roundTrip(session, second, 'globex')
    await expect(roundTrip(session, customer, 'acme')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    expect((await failure(assume(vendor.gateway, { ...second, externalId: 'e1' }))).name).toBe('AccessDenied')
  })
})
