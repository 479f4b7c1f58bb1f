import { randomBytes } from 'node:crypto'
import { SecureMemory } from '../../../src/crypto/secure-memory.ts'
import { systemClock } from '../../../src/keyring/clock.ts'
import type { KeyService, Unwrapped, WrappedCopy } from '../../../src/keyring/key-service.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import type { WrappedKeyStore, WrappedTenantKey } from '../../../src/keyring/wrapped-key-store.ts'
import type { AppType, KeyAuthority, TenantApp } from '../../../src/tenant/tenant.ts'

const AUTHORITY: KeyAuthority = {
  id: 'acme',
  kind: 'byok',
  location: 'europe',
  accountId: '111122223333',
  roleArn: 'arn:aws:iam::111122223333:role/portcullis',
  externalId: 'external',
  keys: [{ region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1' }],
}

/** An app of a site of the organization `acme`, or of another one that shares its authority. */
export function tenant(site: string, app: AppType, organization = 'acme'): TenantApp {
  return { organization, site, app, authority: AUTHORITY }
}

/** Root keys and wrapped keys in memory, for keyrings that share them as replicas share a registry. */
export class SharedKeys {
  readonly #plaintexts = new Map<string, Buffer>()
  readonly #rows: WrappedTenantKey[] = []

  /** A keyring that has nothing in its memory yet. */
  keyring(): Keyring {
    return new Keyring({
      keyService: this.#keyService(),
      store: this.#store(),
      memory: new SecureMemory(),
      audit: { record: () => {} },
      clock: systemClock(),
    })
  }

  #keyService(): KeyService {
    return {
      wrap: async (authority, plaintext) =>
        authority.keys.map(({ region, keyArn }): WrappedCopy => {
          const ciphertext = randomBytes(16)
          this.#plaintexts.set(ciphertext.toString('hex'), Buffer.from(plaintext))
          return { region, keyArn, ciphertext }
        }),
      unwrap: async (_authority, [copy]): Promise<Unwrapped> => {
        const plaintext = this.#plaintexts.get(Buffer.from(copy!.ciphertext).toString('hex'))!
        return { plaintext: Buffer.from(plaintext), region: copy!.region, awsRequestId: undefined }
      },
      verify: async () => {},
      forget: () => {},
    }
  }

  #store(): WrappedKeyStore {
    const rows = this.#rows
    return {
      newest: (scope) =>
        rows.findLast(
          (row) => row.site === scope.site && row.app === scope.app && row.dataClass === scope.dataClass,
        ),
      byId: (keyId) => rows.find((row) => row.keyId === keyId),
      ofAuthority: () => rows.toReversed(),
      add: async (row) => {
        rows.push(row)
        return row
      },
      get generation() {
        return rows.length
      },
      refresh: async () => {},
    }
  }
}
