import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { freePort } from './ports.ts'
import { ACCESS_KEYS, BUCKET as Bucket, S3World } from './s3-world.ts'

const UPLOADS_AT_ONCE = 16
const MEBIBYTE = 1024 * 1024
const ATTEMPTS_MAX = 30
const SOURCE = randomBytes(8 * MEBIBYTE)
const PROGRAM = fileURLToPath(new URL('../../bin/portcullis.js', import.meta.url))

/** What became of uploads while their gateway was killed again and again. */
export interface KillReport {
  readonly uploads: number
  readonly acknowledged: number
  readonly kills: number
  /** Keys of acknowledged uploads that do not read as they were sent. */
  readonly lost: readonly string[]
  /** Keys that read as something that nobody sent. */
  readonly halves: readonly string[]
}

/** Contents that a key may have: of the upload that was acknowledged last, or of one that was begun after it. */
interface Expected {
  acknowledged: string | undefined
  possible: Set<string>
}

/**
 * Uploads objects, some whole, some in parts, some over others, while the gateway's process is killed without warning
 * at random moments and started again; then reads everything.
 */
export async function killDuringUploads(uploads: number): Promise<KillReport> {
  const world = await S3World.start()
  const port = await freePort()
  const { file, environment } = world.world.configured((configuration) => {
    world.configure(configuration, port)
    configuration['logging'] = { level: 'error' }
  }, 'killed')
  const client = world.client(ACCESS_KEYS.acme, `http://127.0.0.1:${port}`)
  const expected = new Map<string, Expected>()
  let [done, acknowledged, kills] = [0, 0, 0]
  let gateway = await serve(file, environment)
  try {
    while (done < uploads) {
      const length = Math.min(UPLOADS_AT_ONCE, uploads - done)
      // Between the first bytes and the last answers of a batch, however fast the machine is.
      const enough = new Countdown(randomInt(1, length + 1))
      const batch = Array.from({ length }, async (_, index) => {
        const key = `object-${(done + index) % Math.ceil(uploads * 0.8)}`
        const isAcknowledged = await upload(client, key, done + index, expected)
        if (isAcknowledged) enough.count()
        return isAcknowledged
      })
      done += length
      const killed = Promise.race([enough.over, Promise.all(batch)])
        .then(() => delay(randomInt(0, 50)))
        .then(() => kill(gateway))
      acknowledged += (await Promise.all(batch)).filter(Boolean).length
      await killed
      kills += 1
      gateway = await serve(file, environment)
    }
    const { lost, halves } = await readAll(client, world, expected)
    return { uploads, acknowledged, kills, lost, halves }
  } finally {
    await kill(gateway)
    await world.stop()
  }
}

/** Resolves after something happened so often. */
class Countdown {
  readonly over: Promise<void>
  #left: number
  #resolve: () => void = () => {}

  constructor(times: number) {
    this.#left = times
    this.over = new Promise((resolve) => (this.#resolve = resolve))
    if (times === 0) this.#resolve()
  }

  count(): void {
    this.#left -= 1
    if (this.#left <= 0) this.#resolve()
  }
}

/** One upload; resolves to whether it was acknowledged. */
async function upload(
  client: S3Client,
  Key: string,
  index: number,
  expected: Map<string, Expected>,
): Promise<boolean> {
  const record = expected.get(Key) ?? { acknowledged: undefined, possible: new Set<string>() }
  expected.set(Key, record)
  const lengths = [[1_000], [100_000], [2 * MEBIBYTE], [5 * MEBIBYTE, 70_000], [5 * MEBIBYTE, 5 * MEBIBYTE]]
  const bodies = lengths[index % lengths.length]!.map((bytes) => {
    const start = randomInt(SOURCE.length - bytes)
    return SOURCE.subarray(start, start + bytes)
  })
  const digest = digestOf(...bodies)
  record.possible.add(digest)
  try {
    await whenReady<unknown>(() =>
      bodies.length === 1
        ? client.send(new PutObjectCommand({ Bucket, Key, Body: bodies[0]! }))
        : uploadParts(client, Key, bodies),
    )
  } catch {
    return false
  }
  record.acknowledged = digest
  record.possible = new Set([digest])
  return true
}

async function uploadParts(client: S3Client, Key: string, bodies: readonly Buffer[]): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const Parts = await Promise.all(
    bodies.map(async (Body, index) => {
      const PartNumber = index + 1
      const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
      return { PartNumber, ETag }
    }),
  )
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
}

async function readAll(client: S3Client, world: S3World, expected: ReadonlyMap<string, Expected>) {
  const lost: string[] = []
  const halves: string[] = []
  for (const [key, { acknowledged, possible }] of expected) {
    const found = await read(client, key)
    if (acknowledged !== undefined && (found === undefined || !possible.has(found))) lost.push(key)
    else if (found !== undefined && !possible.has(found)) halves.push(key)
  }
  // Whatever stands in the store is one of them, whole.
  const listed = await world.direct().send(new ListObjectsV2Command({ Bucket }))
  for (const { Key } of listed.Contents ?? []) if (!expected.has(Key!)) halves.push(Key!)
  return { lost, halves }
}

/** What a key reads as; undefined when there is no such object. */
async function read(client: S3Client, Key: string): Promise<string | undefined> {
  try {
    return await whenReady(async () => {
      const got = await client.send(new GetObjectCommand({ Bucket, Key }))
      return digestOf(await got.Body!.transformToByteArray())
    })
  } catch (thrown) {
    if ((thrown as { name?: string }).name === 'NoSuchKey') return undefined
    throw thrown
  }
}

/** Asks again while a gateway that has just started asks to wait. */
async function whenReady<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask()
    } catch (thrown) {
      const { $metadata } = thrown as { $metadata?: { httpStatusCode?: number } }
      if ($metadata?.httpStatusCode !== 503 || attempt === ATTEMPTS_MAX) throw thrown
      await delay(500)
    }
  }
}

function digestOf(...pieces: Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** Starts the gateway's process and waits until it is ready. */
async function serve(file: string, environment: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--config', file], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', () => reject(new Error(`the gateway did not start: ${errors}`)))
  })
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

async function delay(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}
