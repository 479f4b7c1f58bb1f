import assert from 'node:assert/strict'
import { presetCoverage } from '../src/coverage/load-coverage.ts'
import { CLEAR_STATE } from '../src/coverage/path-automaton.ts'
import { EnvelopeCodec } from '../src/protocol/json/field-codec.ts'
import type { JsonTransformOptions } from '../src/protocol/json/options.ts'
import { JsonTransform } from '../src/protocol/json/transform.ts'
import { transformWhole } from '../src/protocol/json/transform-whole.ts'
import { benchIssue } from '../test/fixtures/bench-issue.ts'
import { SharedKeys, tenant } from '../test/protocol/json/tenant-keys.ts'

// The JSON transform alone, with real keys and envelopes and without HTTP, against parsing and writing the same bytes.

const ROUNDS = 300
const BATCH_BYTES = 400 * 1024
const CHUNK_BYTES = 64 * 1024
const LIST_ISSUES = 100

interface Work {
  readonly name: string
  readonly bytes: number
  readonly documents: number
  readonly run: () => unknown
}

const state = presetCoverage('jira').entityState('issue')!
const app = tenant('bench', 'jira')
const keyring = new SharedKeys().keyring()
const codec = new EnvelopeCodec({ keyring, writer: app, readers: [app], store: 'bench', profile: 'default' })
const sealing = { direction: 'seal', state, codec } as const
const opening = { direction: 'open', state, codec } as const
const skipping = { direction: 'open', state: CLEAR_STATE, codec } as const

const compact = benchIssue()
const indented = Buffer.from(JSON.stringify(JSON.parse(compact.toString()), null, 2))
const works = [
  ...(await worksOf('compact', compact)),
  ...(await worksOf('indented', indented)),
  ...(await lists()),
]
const bestNs = measure(works)
report(works, bestNs)

async function worksOf(name: string, body: Buffer): Promise<Work[]> {
  const sealed = await transformWhole(body, sealing)
  assert.deepEqual(await transformWhole(sealed, opening), body)
  assert.equal(sealed.toString().match(/"~pc1~/g)?.length, 6)
  assert.equal(transformWhole(body, skipping), body)
  const work = (what: string, bytes: number, run: () => unknown): Work => ({
    name: `${name}: ${what}`,
    bytes,
    documents: 1,
    run,
  })
  return [
    work('JSON.parse + JSON.stringify', body.length, () =>
      Buffer.from(JSON.stringify(JSON.parse(body.toString()))),
    ),
    work('scan, all clear', body.length, () => transformWhole(body, skipping)),
    work('seal 6 values', body.length, () => transformWhole(body, sealing)),
    work('open 6 values', sealed.length, () => transformWhole(sealed, opening)),
  ]
}

async function lists(): Promise<Work[]> {
  const line = Buffer.concat([compact, Buffer.from('\n')])
  const body = Buffer.concat(Array.from({ length: LIST_ISSUES }, () => line))
  const sealed = await transformWhole(body, { ...sealing, framing: 'lines' })
  assert.deepEqual(Buffer.concat(inChunks(sealed, { ...opening, framing: 'lines' })), body)
  const stream = (what: string, bytes: Buffer, options: JsonTransformOptions): Work => ({
    name: `${LIST_ISSUES} issues in 64 KiB chunks: ${what}`,
    bytes: bytes.length,
    documents: LIST_ISSUES,
    run: () => inChunks(bytes, { ...options, framing: 'lines' }),
  })
  return [stream('scan', body, skipping), stream('seal', body, sealing), stream('open', sealed, opening)]
}

function inChunks(body: Buffer, options: JsonTransformOptions): Buffer[] {
  const pieces: Buffer[] = []
  const transform = new JsonTransform(options, (bytes) => pieces.push(bytes))
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    assert.equal(transform.write(body.subarray(at, at + CHUNK_BYTES)), undefined)
  }
  assert.equal(transform.end(), undefined)
  return pieces
}

/** Nanoseconds of one run of each work: the best of many short batches that take turns, so that noise hits all alike. */
function measure(all: readonly Work[]): number[] {
  const best = all.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { bytes, run }] of all.entries()) {
      const times = Math.max(1, Math.floor(BATCH_BYTES / bytes))
      const start = process.hrtime.bigint()
      for (let time = 0; time < times; time++) run()
      best[index] = Math.min(best[index]!, Number(process.hrtime.bigint() - start) / times)
    }
  }
  return best
}

function report(all: readonly Work[], best: readonly number[]): void {
  const baseline = best[0]! / all[0]!.bytes
  console.log(
    `issue: ${compact.length} bytes compact, ${indented.length} indented; best of ${ROUNDS} interleaved batches\n`,
  )
  console.log(
    `${''.padEnd(46)}${'MB/s'.padStart(8)}${'µs/issue'.padStart(10)}${'x parse+stringify'.padStart(20)}`,
  )
  for (const [index, { name, bytes, documents }] of all.entries()) {
    const ns = best[index]!
    const megabytesPerSecond = (bytes / ns) * 1000
    const ratio = baseline / (ns / bytes)
    console.log(
      name.padEnd(46) +
        megabytesPerSecond.toFixed(0).padStart(8) +
        (ns / documents / 1000).toFixed(2).padStart(10) +
        ratio.toFixed(2).padStart(20),
    )
  }
}
