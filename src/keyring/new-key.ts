import { fillRandom } from '../crypto/random.ts'
import type { SecureSlot } from '../crypto/secure-memory.ts'
import type { AllocateSlot } from './cached-key.ts'
import { encryptionContextOf } from './encryption-context.ts'
import { deriveKeyId, keyIdToHex, TENANT_KEY_BYTES } from './key-id.ts'
import type { KeyService } from './key-service.ts'
import type { KeyScope } from './scope.ts'
import type { WrappedTenantKey } from './wrapped-key-store.ts'

/** A fresh tenant key, wrapped but not yet stored. The holder owns `root`. */
export interface NewTenantKey {
  readonly root: SecureSlot
  readonly id: Uint8Array
  readonly row: WrappedTenantKey
}

/** Draws a tenant key and wraps it under each region's root key. Nothing is left behind when that fails. */
export async function newTenantKey(
  scope: KeyScope,
  version: number,
  createdAt: string,
  keyService: KeyService,
  allocate: AllocateSlot,
): Promise<NewTenantKey> {
  const { tenant, dataClass } = scope
  const root = allocate(TENANT_KEY_BYTES)
  try {
    fillRandom(root.bytes)
    const id = deriveKeyId(root.bytes)
    const { organization, site, app, authority } = tenant
    const keyId = keyIdToHex(id)
    const context = encryptionContextOf({ organization, site, app, dataClass, keyId })
    const wrapped = await keyService.wrap(authority, root.bytes, context)
    // what comes from the network may lie in a large buffer, which would live as long as the key
    const copies = wrapped.map((copy) => ({ ...copy, ciphertext: Uint8Array.from(copy.ciphertext) }))
    const authorityId = authority.id
    const row = { keyId, organization, site, app, dataClass, authorityId, version, createdAt, copies }
    return { root, id, row }
  } catch (thrown) {
    root.wipe()
    throw thrown
  }
}
