import { createServer, type AddressInfo, type Socket } from 'node:net'
import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../../src/local/object-store/object-store.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness } from './proxy-harness.ts'

const DONE = 'HTTP/1.1 200 OK\r\nETag: "0123456789abcdef0123456789abcdef"\r\nContent-Length: 0\r\n\r\n'
const harness = new ProxyHarness()

/** Answers every request as done as soon as its head has arrived. */
async function hastyStore(): Promise<ObjectStore> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(DONE))
    socket.resume()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const stop = (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

beforeAll(async () => harness.start(await hastyStore()))
afterAll(() => harness.stop())

describe('a store that says that it is done before it has the whole body', () => {
  const Body = Buffer.alloc(8 * 1024 * 1024, 'x')

  it('is not believed about an object', async () => {
    const put = harness.client(ACCESS_KEYS.acme).send(new PutObjectCommand({ Bucket, Key: 'hasty', Body }))
    await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 502 } })
  })

  it('is not believed about a part', async () => {
    const part = { Bucket, Key: 'hasty', UploadId: 'any', PartNumber: 1, Body }
    const put = harness.client(ACCESS_KEYS.acme).send(new UploadPartCommand(part))
    await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 502 } })
  })
})
