import { SecureMemory } from '../../src/crypto/secure-memory.ts'
import { StreamContexts } from '../../src/envelope/context.ts'
import { EnvelopeError } from '../../src/envelope/envelope-error.ts'
import { ObjectOpener } from '../../src/envelope/object-opener.ts'
import type { ObjectOpenerOptions } from '../../src/envelope/object-opener.ts'
import { StreamSealer } from '../../src/envelope/stream-sealer.ts'
import type { StreamSealerOptions } from '../../src/envelope/stream-sealer.ts'
import { CONTEXT, TENANT_KEY } from '../vectors/make-field.ts'
import { OBJECT_NAME } from '../vectors/make-stream.ts'
import { derived, keyId } from '../vectors/reference.ts'

export const memory = new SecureMemory()
export const context = new StreamContexts({ ...CONTEXT, dataClass: 'attachment' }).of(
  Buffer.from(OBJECT_NAME),
)
export const tenantKey = Buffer.from(TENANT_KEY, 'hex')
export const streamKey = derived(tenantKey, 'stream', 32)
export const id = keyId(tenantKey)

// Short objects wholly, long ones around every header and every border of frames.
const SINGLE_BYTES = 1000
const BYTE_BY_BYTE = [...Array<number>(SINGLE_BYTES).fill(1), 65_552 - SINGLE_BYTES]

/** Sizes of the chunks that bytes are pushed in, repeated; the paths that every stream takes. */
export const CHUNKINGS: Readonly<Record<string, readonly number[]>> = {
  whole: [Infinity],
  'in frames': [65_552],
  'in socket reads': [65_536],
  'in odd pieces': [1, 4095, 119, 2, 70_001],
  'byte by byte': BYTE_BY_BYTE,
}

/** Copies, since what they are fed to changes them. */
export function* chunked(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.min(sizes[i % sizes.length]!, bytes.length - at)
    yield Buffer.from(bytes.subarray(at, at + size))
    at += size
  }
}

export function opener(options: Partial<ObjectOpenerOptions> = {}): ObjectOpener {
  return new ObjectOpener({ memory, context, ...options })
}

/** Pushes stored bytes through an opener, gathering what it releases even when it fails. */
export function push(from: ObjectOpener, chunks: Iterable<Buffer>, released: Buffer[] = []): Buffer {
  const supply = (): void => {
    while (from.pendingHeader !== undefined) released.push(...from.supplyKey(id, streamKey))
  }
  supply()
  for (const chunk of chunks) {
    released.push(...from.write(chunk))
    supply()
  }
  from.final()
  return Buffer.concat(released)
}

export function sealer(
  options: Pick<StreamSealerOptions, 'plaintextBytes'> & Partial<StreamSealerOptions>,
): StreamSealer {
  return new StreamSealer({ memory, keyId: id, streamKey, context, ...options })
}

export function seal(
  plaintext: Buffer,
  options: Partial<StreamSealerOptions> = {},
  sizes = [Infinity],
): Buffer {
  const stream = sealer({ plaintextBytes: plaintext.length, ...options })
  const output = [...chunked(plaintext, sizes)].flatMap((chunk) => stream.write(chunk))
  return Buffer.concat([...output, ...stream.final()])
}

/** The failure class that `action` ends with, or undefined when it ends well. */
export function failureOf(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof EnvelopeError) return error.failure
    throw error
  }
}
