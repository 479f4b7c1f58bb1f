import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { emptyPayloadHash, signed } from './support/sign.ts'
import { type Child, pinThisProcess, startChild, startProgram } from './support/child.ts'
import { startNginx } from './support/nginx.ts'
import { ObjectClient, type WireRequest } from './support/object-client.ts'
import { type Transfer, type TransferMeasurement, transferInRounds } from './support/transfer.ts'
import type { BigTransfers } from './big-transfers.ts'
import type { World } from './world.ts'

/** What the S3 bench is asked to do. */
export interface ObjectBenchOptions {
  readonly rounds: number
  readonly seconds: number
  /** A JSON file that describes another S3 gateway to compare with. */
  readonly peerFile: string | undefined
  /** Only transfers whose name contains this. */
  readonly only: string | undefined
  /**
   * `one`: a subject has one process and a core of its own, store and load have another. `all`: a subject has a process
   * for each core, and nobody is pinned.
   */
  readonly cores: 'one' | 'all'
}

/** Where processes run, and how many each subject has. */
interface Placement {
  readonly subject: number | undefined
  readonly world: number | undefined
  readonly processes: number
}

const PLACEMENTS: Readonly<Record<ObjectBenchOptions['cores'], Placement>> = {
  one: { subject: 0, world: 1, processes: 1 },
  all: { subject: undefined, world: undefined, processes: availableParallelism() },
}

/** Another S3 gateway: how it is started, `{store}` standing for the address of the store, and who its clients are. */
interface Peer {
  readonly name: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly url: string
  readonly credential: Credential
}

interface Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

interface Subject {
  readonly name: string
  readonly pid: number | undefined
  readonly url: string
  readonly credential: Credential
}

const REGION = 'eu-central-1'
const BUCKET = 'attachments'
const RANGE_BYTES = 1_000_000
const BLOCK = randomBytes(1024 * 1024)
const SIZES = [
  { label: '1k', bytes: 1024, connections: 16 },
  { label: '100k', bytes: 100 * 1024, connections: 16 },
  { label: '10m', bytes: 10 * 1024 * 1024, connections: 4 },
  { label: '1g', bytes: 1024 ** 3, connections: 2 },
]

/** Small requests alone, and beside big transfers. */
export const SMALL_ALONE = 's3-small-alone'
export const SMALL_BESIDE = 's3-small-beside'

/** Attachments of several sizes through the gateway, straight to the store, and through what else there is. */
export async function benchObjects(options: ObjectBenchOptions): Promise<TransferMeasurement> {
  const running: { stop(): Promise<void> }[] = []
  const keep = <Started extends { stop(): Promise<void> }>(started: Started): Started => {
    running.push(started)
    return started
  }
  const placement = PLACEMENTS[options.cores]
  if (placement.world !== undefined) pinThisProcess(placement.world)
  try {
    const store = keep(await startChild<{ url: string }>(['bench/s3-store.ts'], placement.world))
    const world = keep(await startChild<World>(['bench/world.ts', store.ready.url], placement.world))
    Object.assign(process.env, world.ready.variables)
    const gateway = keep(
      await startChild(
        ['bin/portcullis.js', 'serve', '--config', world.ready.configurationFile, ...workersOf(placement)],
        placement.subject,
      ),
    )
    const subjects = await startSubjects(options, { store, gateway, world: world.ready }, keep)
    const work: Transfer[] = []
    for (const size of SIZES) work.push(...(await transfersOf(subjects, size, options)))
    return await transferInRounds(work, options)
  } finally {
    await Promise.all(running.map((each) => each.stop()))
  }
}

function workersOf({ processes }: Placement): string[] {
  return processes === 1 ? [] : ['--workers', String(processes)]
}

/** Everything that is timed with objects of one size, after every subject has been checked with it. */
async function transfersOf(
  subjects: readonly Subject[],
  declared: Size,
  { only, cores }: ObjectBenchOptions,
): Promise<Transfer[]> {
  const placement = PLACEMENTS[cores]
  // Connections fall to the processes by chance, and each must get some.
  const size = { ...declared, connections: Math.max(declared.connections, 4 * (placement.processes - 1)) }
  const wanted = (subject: Subject): Transfer[] => {
    const made = [transferOf(subject, 'get', size), transferOf(subject, 'put', size)]
    if (declared === SIZES.at(-1))
      made.push(rangeOf(subject), smallOf(subject, undefined), smallOf(subject, placement))
    return made.filter(({ name }) => only === undefined || name.includes(only))
  }
  const able: Subject[] = []
  for (const subject of subjects) {
    if (wanted(subject).length === 0) continue
    try {
      // The small requests beside the biggest object read the smallest.
      for (const each of declared === SIZES.at(-1) ? [SIZES[0]!, size] : [size]) await check(subject, each)
      able.push(subject)
    } catch (error) {
      if (subject.name === 'gateway') throw error
      console.log(`${subject.name} does not carry ${size.label}: ${String(error)}`)
    }
  }
  const work = able.flatMap(wanted)
  // One kind after the other, so that what is compared is measured close together.
  return work.toSorted(
    (a, b) => work.findIndex(({ name }) => name === a.name) - work.findIndex(({ name }) => name === b.name),
  )
}

async function startSubjects(
  { peerFile, cores }: ObjectBenchOptions,
  { store, gateway, world }: { store: Child<{ url: string }>; gateway: Child<unknown>; world: World },
  keep: <Started extends { stop(): Promise<void> }>(started: Started) => Started,
): Promise<Subject[]> {
  const anybody = { accessKeyId: 'ANYBODY', secretAccessKey: 'anything' }
  const subjects: Subject[] = [
    { name: 'gateway', pid: gateway.pid, url: world.objects.url, credential: world.objects.credential },
    { name: 'direct', pid: undefined, url: store.ready.url, credential: anybody },
  ]
  const placement = PLACEMENTS[cores]
  const nginx = await startNginx(store.ready.url, placement.subject, placement.processes)
  if (nginx === undefined) {
    console.log('nginx is not installed: its rows are left out')
  } else {
    keep(nginx)
    subjects.push({ name: 'nginx', pid: nginx.pid, url: nginx.url, credential: anybody })
  }
  if (peerFile !== undefined) {
    const peer = JSON.parse(readFileSync(peerFile, 'utf8').replaceAll('{store}', store.ready.url)) as Peer
    const child = keep(await startProgram(peer.command, placement.subject, { url: peer.url, env: peer.env }))
    subjects.push({ name: peer.name, pid: child.pid, url: peer.url, credential: peer.credential })
  }
  return subjects
}

type Size = (typeof SIZES)[number]

function pathOf(subject: Subject, { label }: Size): string {
  return `/${BUCKET}/${subject.name}-${label}`
}

function requestOf(subject: Subject, method: string, path: string, headers: string[] = []): WireRequest {
  const payload = method === 'PUT' ? 'UNSIGNED-PAYLOAD' : emptyPayloadHash
  return {
    method,
    target: path,
    headers: signed({ method, path, url: subject.url, headers, payload }, subject.credential, REGION),
  }
}

function putOf(subject: Subject, size: Size): WireRequest {
  const segments = Array.from({ length: Math.ceil(size.bytes / BLOCK.length) }, (_, index) =>
    BLOCK.subarray(0, Math.min(BLOCK.length, size.bytes - index * BLOCK.length)),
  )
  return { ...requestOf(subject, 'PUT', pathOf(subject, size)), body: { segments, bytes: size.bytes } }
}

function transferOf(subject: Subject, method: 'get' | 'put', size: Size): Transfer {
  return {
    name: `s3-${method}-${size.label}`,
    subject: subject.name,
    pid: subject.pid,
    url: subject.url,
    connections: size.connections,
    bytes: size.bytes,
    request: () =>
      method === 'put' ? putOf(subject, size) : requestOf(subject, 'GET', pathOf(subject, size)),
    status: 200,
  }
}

/**
 * A small object now and then: it is the latency that counts. Alone, or `beside` big ones that are read as fast as they
 * come.
 */
function smallOf(subject: Subject, beside: Placement | undefined): Transfer {
  const alone = {
    ...transferOf(subject, 'get', SIZES[0]!),
    name: beside === undefined ? SMALL_ALONE : SMALL_BESIDE,
    connections: 2,
    pauseMs: 5,
  }
  if (beside === undefined) return alone
  const { url, credential } = subject
  const path = pathOf(subject, SIZES.at(-1)!)
  const big: BigTransfers = { url, path, credential, region: REGION, connections: 4 }
  return {
    ...alone,
    beside: () => startChild(['bench/big-transfers.ts', JSON.stringify(big)], beside.world),
  }
}

/** 1 MB anywhere in the biggest object. */
function rangeOf(subject: Subject): Transfer {
  const size = SIZES.at(-1)!
  return {
    name: 's3-range-1m',
    subject: subject.name,
    pid: subject.pid,
    url: subject.url,
    connections: 8,
    bytes: RANGE_BYTES,
    request: () => {
      const start = Math.floor(Math.random() * (size.bytes - RANGE_BYTES))
      return requestOf(subject, 'GET', pathOf(subject, size), [
        'range',
        `bytes=${start}-${start + RANGE_BYTES - 1}`,
      ])
    },
    status: 206,
  }
}

/** Writes an object, reads it back whole and in part, and compares every byte, before anything is timed. */
async function check(subject: Subject, size: Size): Promise<void> {
  const client = new ObjectClient(subject.url)
  try {
    const put = await client.send(putOf(subject, size))
    if (put.status !== 200)
      throw new Error(`${subject.name} answers a PUT of ${size.label} with ${put.status}`)
    const ranges: (readonly [number, number])[] = [[0, size.bytes]]
    if (size.bytes > RANGE_BYTES) ranges.push([size.bytes - RANGE_BYTES - 77_777, size.bytes - 77_777])
    for (const [from, to] of ranges) {
      const range = to - from === size.bytes ? [] : ['range', `bytes=${from}-${to - 1}`]
      let at = from
      const get = await client.send({
        ...requestOf(subject, 'GET', pathOf(subject, size), range),
        onData: (chunk) => {
          assertBlock(chunk, at, subject.name)
          at += chunk.length
        },
      })
      if (get.status >= 300 || at !== to)
        throw new Error(
          `${subject.name} answers a GET of ${size.label} with ${get.status}, ${at - from} bytes`,
        )
    }
  } finally {
    client.close()
  }
}

function assertBlock(chunk: Buffer, offset: number, subject: string): void {
  for (let at = 0; at < chunk.length;) {
    const from = (offset + at) % BLOCK.length
    const bytes = Math.min(chunk.length - at, BLOCK.length - from)
    if (BLOCK.compare(chunk, at, at + bytes, from, from + bytes) !== 0)
      throw new Error(`${subject} does not give back what it was given`)
    at += bytes
  }
}
