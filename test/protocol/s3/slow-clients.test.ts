import { randomBytes } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signed } from '../../../bench/support/sign.ts'
import { ACCESS_KEYS, BUCKET, ProxyHarness } from './proxy-harness.ts'

const MEBIBYTE = 1024 * 1024
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const harness = new ProxyHarness()

beforeAll(() => harness.start())
afterAll(() => harness.stop())

function open(path: string): Promise<IncomingMessage> {
  const flat = signed(
    { method: 'GET', path, url: harness.url, headers: [], payload: EMPTY_SHA256 },
    ACCESS_KEYS.acme,
    'eu-central-1',
  )
  const headers = Object.fromEntries(
    Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!]),
  )
  return new Promise((resolve, reject) => {
    get(`${harness.url}${path}`, { headers, agent: false }, resolve).on('error', reject)
  })
}

/** Reads with pauses, so that what was sent waits in the gateway while other transfers go on. */
async function readSlowly(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let untilPause = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    untilPause -= piece.length
    if (untilPause > 0) continue
    await setTimeout(3)
    untilPause = Math.ceil(Math.random() * MEBIBYTE)
  }
  return Buffer.concat(pieces)
}

it('gives slow and fast readers side by side their own bytes, and leaves those who go alone', async () => {
  const objects = [1, 100_000, 3 * MEBIBYTE + 1, 9 * MEBIBYTE, 12 * MEBIBYTE - 5].map((bytes) =>
    randomBytes(bytes),
  )
  const client = harness.client(ACCESS_KEYS.acme)
  for (const [index, Body] of objects.entries())
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `slow/${index}`, Body }))
  for (let round = 0; round < 2; round += 1) {
    await Promise.all(
      objects.flatMap((expected, index) =>
        [0, 1, 2].map(async (reader) => {
          const response = await open(`/${BUCKET}/slow/${index}`)
          expect(response.statusCode).toBe(200)
          // Some leave in the middle, and their memory goes to the others.
          if (reader === 2 && index >= 2) {
            response.once('data', () => response.destroy())
            return
          }
          const read = await readSlowly(response)
          expect(read.equals(expected), `object ${index}`).toBe(true)
        }),
      ),
    )
  }
}, 60_000)
