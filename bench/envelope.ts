/**
 * Envelopes alone, without HTTP: `node bench/envelope.ts`. Every candidate is checked for correctness first; then all
 * take turns in short rounds of one process, so that a busy machine slows them alike. Read the ratios.
 */
import { createCipheriv, createSecretKey, randomBytes, webcrypto } from 'node:crypto'
import type { GcmEngine } from '../src/crypto/gcm.ts'
import { gcmEngine } from '../src/crypto/gcm-engine.ts'
import { nodeGcm } from '../src/crypto/node-gcm.ts'
import { SecureMemory } from '../src/crypto/secure-memory.ts'
import type { SuiteId } from '../src/crypto/suites.ts'
import { FieldContext, StreamContexts } from '../src/envelope/context.ts'
import { FieldHead, parseField, sealedFieldLength } from '../src/envelope/field-format.ts'
import { openField, sealField } from '../src/envelope/field.ts'
import { ObjectOpener } from '../src/envelope/object-opener.ts'
import { StreamSealer } from '../src/envelope/stream-sealer.ts'

type Candidate = () => unknown
const ROUNDS = 15
const ROUND_MS = 12
const STREAM_BYTES = 8 * 1024 * 1024
const CHUNK_BYTES = 64 * 1024

const names = { organization: 'org-acme', site: 'acme', app: 'jira', store: 'jira', dataClass: 'issue' }
const context = new FieldContext(names)
const field = Buffer.from('description')
const memory = new SecureMemory()

/** Median microseconds per call of each candidate, measured in turns. */
async function measure(candidates: Readonly<Record<string, Candidate>>): Promise<Map<string, number>> {
  const samples = new Map<string, number[]>(Object.keys(candidates).map((name) => [name, []]))
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const start = performance.now()
      let calls = 0
      do {
        const result = run()
        if (result instanceof Promise) await result
        calls++
      } while (performance.now() - start < ROUND_MS)
      if (round >= 0) samples.get(name)!.push(((performance.now() - start) * 1000) / calls)
    }
  }
  return new Map([...samples].map(([name, all]) => [name, all.toSorted((a, b) => a - b)[ROUNDS >> 1]!]))
}

async function fields(bytes: number): Promise<void> {
  const token = Buffer.from(`"${'x'.repeat(bytes - 2)}"`)
  const candidates: Record<string, Candidate> = {}
  for (const suite of (bytes > 4096 ? [1, 2] : [1, 2, 3]) as SuiteId[]) {
    Object.assign(candidates, fieldCandidates(suite, token))
  }
  const rawKey = randomBytes(32)
  const key = createSecretKey(rawKey)
  const nonce = randomBytes(12)
  const aad = Buffer.from(context.associatedData(field, 0, field.length))
  candidates['node:crypto AES-256-GCM, cipher only'] = () => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(aad)
    cipher.update(token)
    cipher.final()
    return cipher.getAuthTag()
  }
  const webKey = await webcrypto.subtle.importKey('raw', rawKey, 'AES-GCM', false, ['encrypt'])
  candidates['webcrypto AES-256-GCM, cipher only'] = () =>
    webcrypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, webKey, token)
  print(
    `field of ${bytes} bytes`,
    await measure(candidates),
    'suite 1 seal',
    (micros) => `${micros.toFixed(2)} µs`,
  )
}

function fieldCandidates(suite: SuiteId, token: Buffer): Record<string, Candidate> {
  const slot = memory.allocate(suite === 3 ? 64 : 32)
  randomBytes(slot.bytes.length).copy(slot.bytes)
  const id = randomBytes(16)
  const text = Buffer.alloc(sealedFieldLength(token.length, suite))
  const target = Buffer.alloc(token.length)
  const head = new FieldHead()
  const aad = (): Uint8Array => context.associatedData(field, 0, field.length)
  const seal = (): number =>
    sealField({ suite, id, bytes: slot.bytes }, aad(), token, 0, token.length, text, 0)
  const open = (): number => {
    parseField(text, 0, text.length, head)
    return openField(head, { suite, id, bytes: slot.bytes }, aad(), text, 0, text.length, target, 0)
  }
  seal()
  open()
  if (!target.equals(token)) throw new Error(`suite ${suite} does not come back`)
  return { [`suite ${suite} seal`]: seal, [`suite ${suite} open`]: open }
}

async function streams(): Promise<void> {
  const streamKey = randomBytes(32)
  const keyId = randomBytes(16)
  const stream = new StreamContexts(names).of(Buffer.from('attachments/1'))
  const plaintext = randomBytes(STREAM_BYTES)
  const seal = (): Buffer[] => {
    const sealer = new StreamSealer({
      memory,
      keyId,
      streamKey,
      context: stream,
      plaintextBytes: STREAM_BYTES,
    })
    const output: Buffer[] = []
    for (let at = 0; at < STREAM_BYTES; at += CHUNK_BYTES) {
      output.push(...sealer.write(plaintext.subarray(at, at + CHUNK_BYTES)))
    }
    return [...output, ...sealer.final()]
  }
  const original = Buffer.from(plaintext)
  const sealed = Buffer.concat(seal())
  const stored = Buffer.from(sealed)
  const open = (): Buffer[] => {
    const opener = new ObjectOpener({ memory, context: stream })
    const output: Buffer[] = []
    for (let at = 0; at < sealed.length; at += CHUNK_BYTES) {
      output.push(...opener.write(sealed.subarray(at, at + CHUNK_BYTES)))
      if (opener.pendingHeader !== undefined) output.push(...opener.supplyKey(keyId, streamKey))
    }
    opener.final()
    return output
  }
  if (!Buffer.concat(open()).equals(original)) throw new Error('the stream does not come back')
  const key = createSecretKey(streamKey)
  const webKey = await webcrypto.subtle.importKey('raw', streamKey, 'AES-GCM', false, ['encrypt'])
  const nonce = randomBytes(12)
  const micros = await measure({
    StreamSealer: seal,
    // What is opened in place has to be put back first.
    'ObjectOpener, and a copy': () => {
      stored.copy(sealed)
      return open()
    },
    [`cipher by ${gcmEngine.name}, by frames`]: () => sealInPlace(gcmEngine, streamKey, plaintext),
    'cipher by node, by frames': () => sealInPlace(nodeGcm, streamKey, plaintext),
    'node:crypto AES-256-GCM, one call for all': () => {
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      cipher.update(plaintext)
      return cipher.final()
    },
    'webcrypto AES-256-GCM, by frames': async () => {
      for (let at = 0; at < STREAM_BYTES; at += CHUNK_BYTES) {
        await webcrypto.subtle.encrypt(
          { name: 'AES-GCM', iv: nonce },
          webKey,
          plaintext.subarray(at, at + CHUNK_BYTES),
        )
      }
    },
  })
  print(
    'stream of 8 MiB in 64 KiB chunks',
    micros,
    'StreamSealer',
    (each) => `${Math.round(STREAM_BYTES / each)} MB/s`,
  )
}

function sealInPlace(engine: GcmEngine, key: Buffer, bytes: Buffer): void {
  const cipher = engine.sealing(key)
  const tag = Buffer.alloc(16)
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    cipher.begin(Buffer.alloc(12))
    cipher.update(bytes.subarray(at, at + CHUNK_BYTES))
    cipher.end(tag)
  }
  cipher.free()
}

function print(
  title: string,
  micros: Map<string, number>,
  base: string,
  show: (micros: number) => string,
): void {
  console.log(`\n${title}`)
  for (const [name, each] of micros) {
    console.log(
      `  ${name.padEnd(44)} ${show(each).padStart(12)}   time ${(each / micros.get(base)!).toFixed(2)} x ${base}`,
    )
  }
}

for (const bytes of [32, 256, 1024, 10_240, 65_536]) await fields(bytes)
await streams()
