import type { JsonTransformOptions } from './options.ts'
import { JsonTransform } from './transform.ts'

const TILDE = 0x7e

/**
 * Transforms a body that is all there. A promise only when a key has to be loaded. The result is the body itself
 * where nothing was covered. Errors: those of `JsonTransform`, thrown or as rejection.
 */
export function transformWhole(body: Buffer, options: JsonTransformOptions): Buffer | Promise<Buffer> {
  if (options.direction === 'open' && options.clearValues === 'pass' && holdsNoEnvelope(body)) return body
  const pieces: Buffer[] = []
  const transform = new JsonTransform(options, (bytes) => pieces.push(bytes))
  const written = transform.write(body)
  if (written === undefined) {
    const ended = transform.end()
    return ended === undefined ? joined(pieces) : ended.then(() => joined(pieces))
  }
  return written.then(() => transform.end()).then(() => joined(pieces))
}

/** Envelopes begin with a tilde, which JSON can write in two ways: as itself, or as an escape of its code point. */
function holdsNoEnvelope(body: Buffer): boolean {
  return !body.includes(TILDE) && !body.includes('\\u007')
}

function joined(pieces: Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}
