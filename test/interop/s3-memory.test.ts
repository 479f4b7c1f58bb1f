import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Child, startChild } from '../../bench/support/child.ts'
import { peakRssMiBOf, resetPeakRss, rssMiBOf } from '../../bench/support/cpu-time.ts'
import { ObjectClient, type WireRequest } from '../../bench/support/object-client.ts'
import { emptyPayloadHash, signed } from '../../bench/support/sign.ts'
import type { World } from '../../bench/world.ts'

// 16 concurrent transfers of 32 MiB; PORTCULLIS_TRANSFER_MIB=1024 runs the size that the limit was set for.
const TRANSFERS = 16
const TRANSFER_MIB = Number(process.env['PORTCULLIS_TRANSFER_MIB'] ?? 32)
const ABOVE_IDLE_MIB_MAX = 120
const BLOCK = randomBytes(1024 * 1024)

describe.skipIf(process.platform !== 'linux')('memory under big transfers', { timeout: 600_000 }, () => {
  const children: Child<unknown>[] = []
  let gateway: Child<unknown>
  let world: World

  beforeAll(async () => {
    const start = async <Ready>(arguments_: string[]): Promise<Child<Ready>> => {
      const child = await startChild<Ready>(arguments_)
      children.push(child)
      return child
    }
    const store = await start<{ url: string }>(['bench/s3-store.ts'])
    world = (await start<World>(['bench/world.ts', store.ready.url])).ready
    Object.assign(process.env, world.variables)
    gateway = await start(['bin/portcullis.js', 'serve', '--config', world.configurationFile])
    // Code, keys and connections are there before idle memory is measured.
    for (let round = 0; round < 3; round += 1) {
      await together(4, put('warm-up', 4))
      await together(4, get('warm-up'))
    }
  }, 120_000)

  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop()))
  })

  function request(method: string, key: string): WireRequest {
    const { url, credential } = world.objects
    const path = `/attachments/${key}`
    const payload = method === 'PUT' ? 'UNSIGNED-PAYLOAD' : emptyPayloadHash
    return {
      method,
      target: path,
      headers: signed({ method, path, url, headers: [], payload }, credential, 'eu-central-1'),
    }
  }

  function put(key: string, mebibytes: number): () => WireRequest {
    const segments = Array.from({ length: mebibytes }, () => BLOCK)
    return () => ({ ...request('PUT', key), body: { segments, bytes: mebibytes * BLOCK.length } })
  }

  function get(key: string): () => WireRequest {
    return () => request('GET', key)
  }

  async function together(count: number, make: () => WireRequest): Promise<number> {
    const clients = Array.from({ length: count }, () => new ObjectClient(world.objects.url))
    const answers = await Promise.all(clients.map((client) => client.send(make())))
    for (const client of clients) client.close()
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    return answers.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
  }

  /** Peak of the gateway above what it used before, in MiB. */
  async function above(run: () => Promise<unknown>): Promise<number> {
    const before = rssMiBOf(gateway.pid)!
    resetPeakRss(gateway.pid)
    await run()
    const peak = peakRssMiBOf(gateway.pid)! - before
    console.log(`${TRANSFERS} x ${TRANSFER_MIB} MiB: ${Math.round(peak)} MiB above ${Math.round(before)} MiB`)
    return peak
  }

  it('stays bounded while 16 downloads run', async () => {
    await together(1, put('big', TRANSFER_MIB))
    expect(
      await above(async () => {
        const bytes = await together(TRANSFERS, get('big'))
        expect(bytes).toBe(TRANSFERS * TRANSFER_MIB * BLOCK.length)
      }),
    ).toBeLessThanOrEqual(ABOVE_IDLE_MIB_MAX)
  })

  it('stays bounded while 16 uploads run', async () => {
    expect(await above(() => together(TRANSFERS, put('discarded-big', TRANSFER_MIB)))).toBeLessThanOrEqual(
      ABOVE_IDLE_MIB_MAX,
    )
  })
})
