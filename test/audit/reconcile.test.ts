import { gzipSync } from 'node:zlib'
import {
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { CloudTrailMalformed, readCloudTrail } from '../../src/audit/cloudtrail-file.ts'
import type { CloudTrailRecord } from '../../src/audit/cloudtrail-file.ts'
import type { AuditEvent, KeyServiceCalled } from '../../src/audit/event.ts'
import { isProof, KeyUses } from '../../src/audit/key-uses.ts'
import { eventText } from '../../src/audit/event-text.ts'
import { reconcile } from '../../src/audit/reconcile.ts'
import { linkRow, parseRow } from '../../src/audit/row.ts'
import type { AuditRow } from '../../src/audit/row.ts'
import { systemClock } from '../../src/keyring/clock.ts'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import { AwsKeyService } from '../../src/kms/aws-key-service.ts'
import { startLocalAws } from '../../src/local/aws/local-aws.ts'
import type { LocalAws } from '../../src/local/aws/local-aws.ts'
import { createWorld } from '../../src/local/aws/world.ts'
import type { LocalWorld } from '../../src/local/aws/world.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'

const HOUR_MS = 3_600_000
const context = encryptionContextOf({
  organization: 'acme',
  site: 'acme',
  app: 'jira',
  dataClass: 'issue',
  keyId: 'ab'.repeat(16),
})

let local: LocalAws
let world: LocalWorld
let events: AuditEvent[] = []

beforeAll(async () => {
  local = await startLocalAws()
  const regions = ['eu-central-1', 'eu-west-1']
  world = await createWorld(local, { organization: 'acme', externalId: 'ext-1', regions })
})

afterAll(() => local.stop())

beforeEach(async () => {
  events = []
  await local.events.reset()
})

function newService(): { service: AwsKeyService; authority: KeyAuthority } {
  const { accountId, roleArn, externalId, keys } = world.customer
  const service = new AwsKeyService({
    clock: systemClock(),
    audit: { record: (event) => void events.push(event) },
    baseCredentials: world.vendor.gateway,
    endpoints: { kms: () => local.endpoint, sts: () => local.endpoint },
  })
  const authority = {
    id: 'acme',
    kind: 'byok',
    location: 'europe',
    accountId,
    roleArn,
    externalId,
    keys,
  } as const
  return { service, authority }
}

/** Uses the keys as the gateway does: a wrap, a verification, an unwrap. */
async function useKeys(): Promise<void> {
  const { service, authority } = newService()
  const copies = await service.wrap(authority, new Uint8Array(32).fill(7), context)
  await service.verify(authority, copies, context)
  await service.unwrap(authority, copies, context)
}

function rows(of: readonly AuditEvent[] = events): AuditRow[] {
  let head = { sequence: 0, hash: '0'.repeat(64) }
  return of.map((event, index) => {
    const row = linkRow(head, { chain: 'acme', id: String(index), event: eventText(event) })
    head = row
    return parseRow('acme', row)
  })
}

/** The customer's trail, as a file that CloudTrail delivers. */
function trail(): CloudTrailRecord[] {
  return local.events.list({ accountId: world.customer.accountId, limit: 10_000 })
}

const fetchedLater = { fetchedAtMs: Date.now() + HOUR_MS }
const resources = (): string[] => [world.customer.roleArn, ...world.customer.keys.map(({ keyArn }) => keyArn)]

describe('reconciliation with CloudTrail', () => {
  it('matches every use the gateway made, by request id', async () => {
    await useKeys()
    const result = await reconcile(rows(), trail(), fetchedLater)
    expect(result).toMatchObject({ ok: true, onlyInAudit: [], onlyInCloudTrail: [], contradictions: [] })
    expect(result.matched).toBe(events.filter(({ type }) => type === 'key-service.called').length)
    expect(result.matched).toBeGreaterThan(5)
  })

  it('matches gathered proofs of access as it does single ones, and misses any request of theirs', async () => {
    await useKeys()
    const proofs = events.filter(isProof)
    expect(proofs.length).toBeGreaterThan(2)
    const gathered = (of: readonly KeyServiceCalled[]): AuditEvent => {
      const uses = new KeyUses(of[0]!)
      for (const one of of) uses.add(one)
      return uses.event()
    }
    const others = events.filter((event) => !isProof(event))
    const single = await reconcile(rows(), trail(), fetchedLater)
    const together = await reconcile(rows([...others, gathered(proofs)]), trail(), fetchedLater)
    expect(together).toMatchObject({ ok: true, matched: single.matched })
    const one = await reconcile(rows([...others, gathered(proofs.slice(1))]), trail(), {
      ...fetchedLater,
      resources: resources(),
    })
    expect(one.onlyInCloudTrail).toMatchObject([{ requestId: proofs[0]!.awsRequestId }])
  })

  it('reports a use that only CloudTrail has, with who it was', async () => {
    await useKeys()
    const { region, keyArn } = world.customer.keys[0]!
    const customer = new KMSClient({ region, endpoint: local.endpoint, credentials: world.customer })
    await customer.send(
      new EncryptCommand({
        KeyId: keyArn,
        Plaintext: Buffer.from('own use'),
        EncryptionContext: { ...context },
      }),
    )
    const result = await reconcile(rows(), trail(), fetchedLater)
    expect(result.ok).toBe(false)
    expect(result.onlyInCloudTrail).toMatchObject([{ operation: 'Encrypt', region, resources: [keyArn] }])
    expect(result.onlyInCloudTrail[0]!.principal).toContain(':user/')
  })

  it('reports a use that the gateway did not write down', async () => {
    await useKeys()
    const all = rows()
    const missing = all.findIndex(({ event }) => event['operation'] === 'Decrypt')
    const result = await reconcile(all.toSpliced(missing, 1), trail(), {
      ...fetchedLater,
      resources: resources(),
    })
    expect(result.onlyInCloudTrail).toMatchObject([
      { operation: 'Decrypt', requestId: all[missing]!.event['awsRequestId'] },
    ])
  })

  it('reports a use that CloudTrail does not have, once CloudTrail must have delivered it', async () => {
    await useKeys()
    const all = rows()
    const removed = trail().find(({ eventName }) => eventName === 'Decrypt')!
    const rest = trail().filter(({ requestID }) => requestID !== removed.requestID)
    const late = await reconcile(all, rest, fetchedLater)
    expect(late.onlyInAudit.map(({ event }) => event.awsRequestId)).toEqual([removed.requestID])
    const early = await reconcile(all, rest, { fetchedAtMs: Date.now() })
    expect(early).toMatchObject({ ok: true, notYetDelivered: 1 })
  })

  it('says nothing about uses before the records begin, or in regions they lack', async () => {
    await useKeys()
    const central = trail().filter(({ awsRegion }) => awsRegion === 'eu-central-1')
    const result = await reconcile(rows(), central, fetchedLater)
    expect(result.ok).toBe(true)
    expect(result.outsidePeriod).toBeGreaterThan(0)
    expect((await reconcile(rows(), [], fetchedLater)).outsidePeriod).toBe(rows().length)
  })

  it('reports the same request told differently', async () => {
    await useKeys()
    const changed = trail().map((record) =>
      record.eventName === 'Decrypt' && record.awsRegion === 'eu-west-1'
        ? { ...record, requestParameters: { ...record.requestParameters, encryptionContext: { other: 'x' } } }
        : record,
    )
    const result = await reconcile(rows(), changed, fetchedLater)
    expect(result.contradictions.map(({ detail }) => detail)).toEqual(['the encryption contexts differ'])
  })

  it('matches refusals too', async () => {
    const { service, authority } = newService()
    const copies = await service.wrap(authority, new Uint8Array(32).fill(7), context)
    const { region, keyArn } = world.customer.keys[0]!
    const customer = new KMSClient({ region, endpoint: local.endpoint, credentials: world.customer })
    await customer.send(new DisableKeyCommand({ KeyId: keyArn }))
    onTestFinished(async () => {
      await customer.send(new EnableKeyCommand({ KeyId: keyArn }))
    })
    await expect(service.verify(authority, copies, context)).rejects.toThrow()
    // the other region's answer comes after the verdict
    await vi.waitFor(async () => {
      const result = await reconcile(rows(), trail(), fetchedLater)
      expect(result).toMatchObject({ ok: true, onlyInAudit: [], onlyInCloudTrail: [] })
    })
    expect(events.some((event) => 'outcome' in event && event.outcome === 'denied')).toBe(true)
  })

  it('joins an attempt whose answer was lost with the record that is left over', async () => {
    await useKeys()
    const lost = events.map((event) => {
      if (event.type !== 'key-service.called' || event.operation !== 'Decrypt') return event
      const { awsRequestId: _, ...rest } = event
      return { ...rest, outcome: 'unavailable' as const }
    })
    const result = await reconcile(rows(lost), trail(), fetchedLater)
    expect(result.ok).toBe(true)
    expect(result.matchedWithoutRequestId).toBe(
      lost.filter((event) => 'operation' in event && event.operation === 'Decrypt').length,
    )
  })

  it('takes administration of the key for no use of it', async () => {
    await useKeys()
    const { region, keyArn } = world.customer.keys[0]!
    const customer = new KMSClient({ region, endpoint: local.endpoint, credentials: world.customer })
    const policy = { Version: '2012-10-17', Statement: [] }
    await customer
      .send(new PutKeyPolicyCommand({ KeyId: keyArn, Policy: JSON.stringify(policy) }))
      .catch(() => undefined)
    expect((await reconcile(rows(), trail(), fetchedLater)).ok).toBe(true)
  })

  it('counts a record once that was delivered twice', async () => {
    await useKeys()
    expect((await reconcile(rows(), [...trail(), ...trail()], fetchedLater)).ok).toBe(true)
  })
})

async function* pieces(data: Buffer, bytes = 1_000): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < data.length; offset += bytes) yield data.subarray(offset, offset + bytes)
}

describe('CloudTrail files', () => {
  const record = (number: number): CloudTrailRecord => ({
    eventID: String(number),
    requestID: `r${number}`,
    eventTime: '2026-11-22T00:00:00Z',
    eventSource: 'kms.amazonaws.com',
    eventName: 'Decrypt',
  })
  const records = [record(1), record(2), record(3)]
  const lines = records.map((one) => JSON.stringify(one)).join('\n')
  const lookedUp = {
    Events: records.map((one) => ({ EventName: 'Decrypt', CloudTrailEvent: JSON.stringify(one) })),
  }

  it.each([
    ['a delivered file', JSON.stringify({ Records: records })],
    ['a delivered file over several lines', JSON.stringify({ Records: records }, undefined, 2)],
    ['an array', JSON.stringify(records)],
    ['a record a line', lines],
    ['files joined a line each', records.map((one) => JSON.stringify({ Records: [one] })).join('\n')],
    ['the output of lookup-events', JSON.stringify(lookedUp)],
    ['a file with a byte order mark', `\uFEFF${JSON.stringify({ Records: records })}`],
  ])('reads %s, plain and gzipped', async (_, text) => {
    expect(await readCloudTrail(pieces(Buffer.from(text)))).toEqual(records)
    expect(await readCloudTrail(pieces(gzipSync(text), 10))).toEqual(records)
  })

  it('reads gzipped files that were joined', async () => {
    const joined = Buffer.concat(records.map((one) => gzipSync(`${JSON.stringify({ Records: [one] })}\n`)))
    expect(await readCloudTrail(pieces(joined))).toEqual(records)
  })

  it.each([
    ['text', 'hello'],
    ['a number', '42'],
    ['a record without event name', JSON.stringify({ eventTime: 'x', eventSource: 'y' })],
    ['a broken line', `${lines}\n{"eventTime"`],
    ['damaged gzip', gzipSync(lines).subarray(0, 60).toString('latin1')],
  ])('refuses %s', async (_, text) => {
    await expect(readCloudTrail(pieces(Buffer.from(text, 'latin1')))).rejects.toBeInstanceOf(
      CloudTrailMalformed,
    )
  })

  it('refuses more than its limit, compressed bombs included', async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000, ' '))
    expect(bomb.length).toBeLessThan(10_000)
    await expect(readCloudTrail(pieces(bomb), 1_000_000)).rejects.toThrow('more than 1000000 bytes')
  })
})
