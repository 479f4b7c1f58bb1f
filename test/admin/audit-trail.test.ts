import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SqliteAuditStore } from '../../src/audit/sqlite-audit-store.ts'
import { newSigningKeyPem, signerFromPem } from '../../src/crypto/signature.ts'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'

describe('the audit trail of a gateway', () => {
  let world: ApiWorld

  beforeAll(async () => {
    world = await ApiWorld.start()
  })

  afterAll(async () => {
    await world?.stop()
  })

  const fileOf = (name: string): string => join(world.directory, `${name}-audit/audit.sqlite`)
  const verify = (gateway: ApiGateway) => gateway.organization('/acme/audit/verification', { method: 'POST' })

  it('shows an end that was removed with its checkpoints while nothing ran, and goes on showing it', async () => {
    const first = await world.gateway('tail')
    await first.organization('', { body: { id: 'acme', location: 'europe' } })
    for (const name of ['one', 'two', 'three']) {
      await first.organization('/acme/sites', { body: { name: `tail-${name}`, apps: [] } })
    }
    expect(await verify(first)).toMatchObject({ ok: true })
    await first.stop()
    const database = new DatabaseSync(fileOf('tail'))
    database.exec('DROP TRIGGER audit_row_no_DELETE; DROP TRIGGER audit_checkpoint_no_DELETE')
    database.exec("DELETE FROM audit_row WHERE chain = 'acme' AND sequence > 2; DELETE FROM audit_checkpoint")
    database.close()
    const second = await world.gateway('tail')
    for (let number = 0; number < 10; number += 1) {
      await second.organization('/acme/sites', { body: { name: `tail-later-${number}`, apps: [] } })
    }
    const found = await verify(second)
    expect(found.ok).toBe(false)
    expect(found.problems).toMatchObject([{ kind: 'missing', sequence: 3 }])
    const { items } = await second.organization('/acme/audit?types=audit.repaired')
    expect(items[0].event.detail).toContain('are signed for but gone')
  })

  it('is proven by the configured keys alone, and not by one that somebody put into the store', async () => {
    const [current, earlier, attacker] = [1, 2, 3].map(() => newSigningKeyPem())
    writeFileSync(join(world.directory, 'signing.pem'), current!)
    writeFileSync(join(world.directory, 'earlier.pub.pem'), signerFromPem(earlier!).publicKeyPem)
    const gateway = await world.gateway('keys', (configuration) => {
      configuration['audit'].signingKey = { file: 'signing.pem' }
      configuration['audit'].publicKeyFiles = ['earlier.pub.pem']
    })
    await gateway.organization('', { body: { id: 'acme', location: 'europe' } })
    const store = await SqliteAuditStore.open(fileOf('keys'))
    onTestFinished(() => store.close())
    const intruder = signerFromPem(attacker!)
    await store.addSigner(intruder.keyId, intruder.publicKeyPem)
    const { items } = await gateway.organization('/acme/audit/keys')
    expect(items.map(({ keyId }: { keyId: string }) => keyId)).toEqual(
      [current!, earlier!].map((pem) => signerFromPem(pem).keyId).toSorted(),
    )
    expect(await verify(gateway)).toMatchObject({ ok: true })
  })

  it('counts what it writes, loses and has waiting', async () => {
    const gateway = await world.gateway('counted')
    await gateway.organization('', { body: { id: 'acme', location: 'europe' } })
    await verify(gateway)
    const { text } = await gateway.api('/metrics')
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    expect(value('portcullis_audit_written_total')).toBeGreaterThan(0)
    for (const name of ['lost_total', 'append_failures_total', 'forward_failures_total', 'spill_bytes']) {
      expect(value(`portcullis_audit_${name}`), name).toBe(0)
    }
  })
})
