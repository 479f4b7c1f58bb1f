import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'
import { Registry } from '../../src/registry/registry.ts'
import { wrappedKey } from './wrapped-key.ts'

// Child of the crash test: adds keys for ever and says on stdout which ones were acknowledged.
const [file = '', firstVersion = '1'] = process.argv.slice(2)
const registry = await Registry.load(new SqliteDatabase(file))
for (let version = Number(firstVersion); ; version += 1) {
  const keyId = version.toString(16).padStart(32, '0')
  const copies = Array.from({ length: 2 }, (_, index) => ({
    region: `region-${index}`,
    keyArn: `arn:${index}`,
    ciphertext: new Uint8Array(2_000).fill(version % 256),
  }))
  await registry.add(wrappedKey(0, { keyId, version, copies }))
  process.stdout.write(`${version}\n`)
}
