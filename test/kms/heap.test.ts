import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encryptionContextOf } from '../../src/keyring/encryption-context.ts'
import { Customer } from './customer.ts'

test('a tenant key that went to KMS and back is in no string of the heap, raw or encoded', async () => {
  const customer = await Customer.start()
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
  const snapshot = join(directory, 'heap.heapsnapshot')
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 73 + 129) & 255))
  const child = fork(join(import.meta.dirname, 'heap-probe.ts'), { serialization: 'advanced' })
  const keyId = '00112233445566778899aabbccddeeff'
  const subject = { organization: 'acme', site: 'acme-one', app: 'jira', dataClass: 'issue', keyId } as const
  child.send({
    authority: customer.authority,
    endpoint: customer.local.endpoint,
    credentials: customer.gatewayCredentials,
    context: encryptionContextOf(subject),
    key: Uint8Array.from(key),
    snapshot,
  })
  const answer = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the probe ended with ${code}`)))
  })
  expect(answer).toEqual({ copies: 2 })
  const heap = readFileSync(snapshot)
  expect(heap.includes(keyId), 'the snapshot shows strings').toBe(true)
  for (const needle of [
    key.toString('base64'),
    key.toString('base64url').slice(0, 20),
    key.toString('hex'),
    key.toString('base64').slice(4, 28),
  ]) {
    expect(heap.includes(needle)).toBe(false)
  }
  rmSync(directory, { recursive: true })
  await customer.stop()
})
