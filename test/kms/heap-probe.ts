import { writeHeapSnapshot } from 'node:v8'
import { systemClock } from '../../src/keyring/clock.ts'
import type { EncryptionContext, WrappedCopy } from '../../src/keyring/key-service.ts'
import { AwsKeyService } from '../../src/kms/aws-key-service.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'

// Child of the heap test: wraps and unwraps a key that it is sent, wipes it, and writes a heap snapshot.
interface Task {
  readonly authority: KeyAuthority
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly context: EncryptionContext
  readonly key: Uint8Array
  readonly snapshot: string
}

process.once('message', (task: Task) => {
  void run(task)
})

async function run(task: Task): Promise<void> {
  const service = new AwsKeyService({
    clock: systemClock(),
    audit: { record: () => undefined },
    baseCredentials: task.credentials,
    endpoints: { kms: () => task.endpoint, sts: () => task.endpoint },
  })
  let copies: WrappedCopy[] = []
  for (let round = 0; round < 5; round += 1) {
    copies = await service.wrap(task.authority, task.key, task.context)
    const { plaintext } = await service.unwrap(task.authority, copies, task.context)
    const same = Buffer.compare(plaintext, task.key) === 0
    plaintext.fill(0)
    if (!same) throw new Error('the key came back changed')
    await service.verify(task.authority, copies, task.context)
  }
  task.key.fill(0)
  writeHeapSnapshot(task.snapshot)
  service.close()
  process.send?.({ copies: copies.length })
  process.disconnect?.()
}
