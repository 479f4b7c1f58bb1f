import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'

const ENTRY = new URL('../../../src/local/document-store/document-store.ts', import.meta.url).href

async function spawnStore(directory: string): Promise<{ child: ChildProcess; url: string }> {
  const script = join(directory, 'serve.mjs')
  writeFileSync(
    script,
    `import { startDocumentStore } from ${JSON.stringify(ENTRY)}
     const directory = ${JSON.stringify(join(directory, 'data'))}
     const store = await startDocumentStore({ directory, collections: ['issue'], port: 0 })
     console.log(store.url)`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, url }
}

function bodyOf(writer: number, version: number): string {
  return JSON.stringify({ writer, version, filler: 'f'.repeat(writer % 2 === 0 ? 500_000 : 50) })
}

it('has every acknowledged write, whole, after being killed while writing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'document-store-kill-'))
  const acknowledged = new Map<number, number>()
  const { child, url } = await spawnStore(directory)
  const write = async (writer: number): Promise<void> => {
    for (let version = 1; ; version++) {
      const answer = await fetch(`${url}/issue/${writer}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: bodyOf(writer, version),
      }).catch(() => undefined)
      if (answer === undefined) return
      acknowledged.set(writer, version)
      if (version === 10) child.kill('SIGKILL')
    }
  }
  await Promise.all([0, 1, 2, 3].map(write))
  const restarted = await spawnStore(directory)
  try {
    expect(acknowledged.size).toBe(4)
    for (const [writer, version] of acknowledged) {
      const text = await (await fetch(`${restarted.url}/issue/${writer}`)).text()
      // a write in flight at the kill may have been committed without its answer arriving
      expect([bodyOf(writer, version), bodyOf(writer, version + 1)]).toContain(text)
    }
  } finally {
    restarted.child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
})
