import { randomBytes, randomInt } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readObject } from '../support/object-content.ts'
import { freePort } from '../support/ports.ts'
import { ACCESS_KEYS, BUCKET as Bucket, S3World } from '../support/s3-world.ts'
import { PostgresServer, postgresPrograms } from './support/postgres-server.ts'
import { ServeProcess } from './support/serve-process.ts'

const MEBIBYTE = 1024 * 1024
const PARTS = 8
const programs = postgresPrograms()

describe.skipIf(programs === undefined)(
  'two processes of serve on one PostgreSQL before one S3 store (skipped where it is not installed)',
  () => {
    let server: PostgresServer
    let world: S3World
    const processes: ServeProcess[] = []
    const clients: S3Client[] = []

    beforeAll(async () => {
      server = await PostgresServer.start(programs!)
      const REGISTRY_URL = await server.createDatabase()
      world = await S3World.start()
      for (const name of ['one', 'two']) {
        const port = await freePort()
        const { file, environment } = world.world.configured((configuration) => {
          world.configure(configuration, port)
          configuration['revocation'] = {}
          configuration['logging'] = { level: 'error' }
          configuration['registry'] = { postgres: { env: 'REGISTRY_URL' } }
        }, name)
        const variables = { ...environment, REGISTRY_URL }
        processes.push(await ServeProcess.start(file, variables, (command) => [...command]))
        clients.push(world.client(ACCESS_KEYS.acme, `http://127.0.0.1:${port}`))
      }
    })

    afterAll(async () => {
      for (const running of processes) await running.stop()
      await world?.stop()
      await server?.stop()
    })

    const either = (): S3Client => clients[randomInt(clients.length)]!

    it('read at once what the other wrote', async () => {
      for (const [index, writer] of clients.entries()) {
        const Body = randomBytes(200_000)
        await writer.send(new PutObjectCommand({ Bucket, Key: `from-${index}`, Body }))
        for (const reader of clients)
          expect((await readObject(reader, `from-${index}`)).equals(Body)).toBe(true)
      }
    })

    it.each(Array.from({ length: 2 }, (_, round) => round))(
      'carry one multipart upload together, its parts anywhere and some of them again: round %i',
      async (round) => {
        const upload = { Bucket, Key: `together-${round}` }
        const { UploadId } = await either().send(new CreateMultipartUploadCommand(upload))
        const bodies: Buffer[] = []
        const etags: string[] = []
        const put = async (index: number): Promise<void> => {
          for (let times = randomInt(1, 4); times > 0; times -= 1) {
            const bytes =
              index === PARTS - 1 ? randomInt(1, 6 * MEBIBYTE) : 5 * MEBIBYTE + randomInt(3) * 1_000
            const Body = randomBytes(bytes)
            const part = { ...upload, UploadId, PartNumber: index + 1, Body }
            etags[index] = (await either().send(new UploadPartCommand(part))).ETag!
            bodies[index] = Body
          }
        }
        const waiting = shuffled(PARTS).values()
        const worker = async (): Promise<void> => {
          for (const index of waiting) await put(index)
        }
        await Promise.all([worker(), worker(), worker()])
        for (const client of clients) {
          const { Parts } = await client.send(new ListPartsCommand({ ...upload, UploadId }))
          expect(Parts!.map(({ Size }) => Size)).toEqual(bodies.map(({ length }) => length))
        }
        const MultipartUpload = { Parts: etags.map((ETag, index) => ({ PartNumber: index + 1, ETag })) }
        const complete = new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload })
        const [first, second] = [await clients[0]!.send(complete), await clients[1]!.send(complete)]
        expect(second.ETag).toBe(first.ETag)
        const whole = Buffer.concat(bodies)
        for (const client of clients) {
          expect((await readObject(client, upload.Key)).equals(whole)).toBe(true)
          for (let times = 0; times < 5; times += 1) {
            const start = randomInt(whole.length)
            const end = Math.min(start + randomInt(1, 2 * MEBIBYTE), whole.length) - 1
            const range = await readObject(client, upload.Key, `bytes=${start}-${end}`)
            expect(range.equals(whole.subarray(start, end + 1)), `${start}-${end}`).toBe(true)
          }
        }
      },
    )
  },
)

function shuffled(length: number): number[] {
  const order = Array.from({ length }, (_, index) => index)
  for (let index = length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1)
    ;[order[index], order[other]] = [order[other]!, order[index]!]
  }
  return order
}
