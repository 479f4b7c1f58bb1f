import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DevProcess } from '../support/dev-process.ts'
import { send } from '../support/http-client.ts'

const MEBIBYTE = 1024 * 1024
/** PORTCULLIS_TEST_LIST_MEBIBYTES=1024 makes it the full-size run, which takes minutes. */
const LIST_MEBIBYTES = Number(process.env['PORTCULLIS_TEST_LIST_MEBIBYTES'] ?? 192)
/** Gateway, stores and local AWS are one process here; a copy of the list would be far beyond this. */
const GROWTH_MEBIBYTES_MAX = 150
const TIMEOUT_MS = 20 * 60_000
const JSON_TYPE = { 'Content-Type': 'application/json' }

vi.setConfig({ testTimeout: TIMEOUT_MS, hookTimeout: 120_000 })

let directory: string
let dev: DevProcess

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-memory-'))
  dev = await DevProcess.start(join(directory, 'data'))
})
afterAll(async () => {
  await dev.stop('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** Runs work and gives the highest resident memory during it. */
async function peakOf(work: () => Promise<void>): Promise<number> {
  let peak = dev.residentMebibytes
  const sampling = setInterval(() => (peak = Math.max(peak, dev.residentMebibytes)), 20)
  await work()
  clearInterval(sampling)
  return peak
}

describe.skipIf(process.platform !== 'linux')('memory (measured from /proc, so on Linux only)', () => {
  it(`stays flat over a list of ${LIST_MEBIBYTES} MiB, which comes back complete`, async () => {
    const words = 'covered words '.repeat((2 * MEBIBYTE) / 14)
    const count = LIST_MEBIBYTES / 2
    const body = `{"id":"1","fields":{"summary":"s","description":"${words}"}}`
    expect((await dev.put('/jira/issue/0', body)).status).toBe(201)
    const upstream = `${dev.ready['stores'].jira.upstream}/issue`
    const sealed = (await send(`${upstream}/0`)).body
    for (let index = 1; index < count; index++) {
      const written = await send(`${upstream}/${index}`, { method: 'PUT', headers: JSON_TYPE, body: sealed })
      expect(written.status).toBe(201)
    }
    const before = dev.residentMebibytes
    let bytes = 0
    const peak = await peakOf(async () => {
      const answer = await dev.request(`/jira/issue?limit=${count}`, {
        onData: (chunk) => (bytes += chunk.length),
      })
      expect(answer.status).toBe(200)
    })
    const framing = '{"items":[],"next":null}'.length + (count - 1)
    expect(bytes).toBe(count * body.length + framing)
    console.log(
      `list of ${LIST_MEBIBYTES} MiB: ${before.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`,
    )
    expect(peak - before).toBeLessThan(GROWTH_MEBIBYTES_MAX)
  })

  it(`stays flat over one string of ${LIST_MEBIBYTES} MiB: passed where it is clear, refused where it is covered`, async () => {
    const oneString = (before: string): Readable =>
      Readable.from(
        (function* () {
          yield Buffer.from(before)
          for (let piece = 0; piece < LIST_MEBIBYTES; piece++) yield Buffer.alloc(MEBIBYTE, 'x')
          yield Buffer.from('"}}')
        })(),
      )
    const before = dev.residentMebibytes
    let bytes = 0
    const peak = await peakOf(async () => {
      const clear = '{"id":"1","fields":{"created":"'
      const written = await dev.request('/jira/issue/string', {
        method: 'PUT',
        headers: JSON_TYPE,
        body: oneString(clear),
      })
      expect(written.status).toBe(201)
      await dev.request('/jira/issue/string', { onData: (chunk) => (bytes += chunk.length) })
      expect(bytes).toBe(clear.length + LIST_MEBIBYTES * MEBIBYTE + 3)
      const covered = dev.request('/jira/issue/refused', {
        method: 'PUT',
        headers: JSON_TYPE,
        body: oneString('{"fields":{"summary":"'),
      })
      // a client that is still sending may see the cut instead of the answer
      expect(await covered.then(({ status }) => status).catch(() => 413)).toBe(413)
      expect((await send(`${dev.ready['stores'].jira.upstream}/issue/refused`)).status).toBe(404)
    })
    console.log(
      `string of ${LIST_MEBIBYTES} MiB: ${before.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`,
    )
    expect(peak - before).toBeLessThan(GROWTH_MEBIBYTES_MAX)
  })
})
