import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Registry } from '../../src/registry/registry.ts'
import { SqliteDatabase } from '../../src/registry/sqlite/sqlite-database.ts'

const WRITER = join(import.meta.dirname, 'crash-writer.ts')
const ROUNDS = 5

/** Lets a child write and kills it without warning; the last version it was told is durable. */
async function writeAndKill(file: string, firstVersion: number, acknowledgedMin: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, file, String(firstVersion)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let acknowledged = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop()!
    acknowledged += lines.length
    if (acknowledged >= acknowledgedMin) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  return firstVersion + acknowledged - 1
}

test('a writer killed at any moment loses no acknowledged key and leaves no half one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
  const file = join(directory, 'registry.sqlite')
  let nextVersion = 1
  for (let round = 0; round < ROUNDS; round += 1) {
    const lastAcknowledged = await writeAndKill(file, nextVersion, 3 + round * 4)
    const registry = await Registry.load(new SqliteDatabase(file))
    const keys = registry.ofAuthority('acme').toSorted((a, b) => a.version - b.version)
    expect(keys.length).toBeGreaterThanOrEqual(lastAcknowledged)
    keys.forEach((key, index) => {
      expect(key.version).toBe(index + 1)
      expect(key.copies.map(({ ciphertext }) => ciphertext)).toEqual(
        Array.from({ length: 2 }, () => new Uint8Array(2_000).fill(key.version % 256)),
      )
    })
    nextVersion = keys.length + 1
    await registry.close()
  }
  rmSync(directory, { recursive: true })
})
