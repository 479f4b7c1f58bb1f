import type { PathState } from '../../../src/coverage/path-state.ts'
import { PortcullisError } from '../../../src/errors.ts'
import type { FieldCodec } from '../../../src/protocol/json/codec.ts'
import type { JsonTransformOptions } from '../../../src/protocol/json/options.ts'
import { JsonTransform } from '../../../src/protocol/json/transform.ts'
import { transformWhole } from '../../../src/protocol/json/transform-whole.ts'

type Extra = Partial<JsonTransformOptions>

/** Seals a body that is given whole. */
export async function seal(
  body: string | Buffer,
  state: PathState,
  codec: FieldCodec,
  extra?: Extra,
): Promise<Buffer> {
  return transformWhole(Buffer.from(body), { direction: 'seal', state, codec, ...extra })
}

/** Opens a body that is given whole. */
export async function open(
  body: string | Buffer,
  state: PathState,
  codec: FieldCodec,
  extra?: Extra,
): Promise<Buffer> {
  return transformWhole(Buffer.from(body), { direction: 'open', state, codec, ...extra })
}

/** Transforms a body cut at the given offsets; every chunk lies in memory of its own, at any alignment. */
export async function inChunks(
  body: Buffer,
  cuts: readonly number[],
  options: JsonTransformOptions,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  const transform = new JsonTransform(options, (bytes) => pieces.push(Buffer.from(bytes)))
  let from = 0
  for (const to of [...cuts, body.length]) {
    const memory = Buffer.alloc(to - from + 3, 0x22)
    const chunk = memory.subarray(to % 4, (to % 4) + to - from)
    body.copy(chunk, 0, from, to)
    await transform.write(chunk)
    // A chunk's memory may be used again once it has been taken, except where it is the output.
    memory.fill(0xff)
    from = to
  }
  await transform.end()
  return Buffer.concat(pieces)
}

/** Cuts between all bytes. */
export function everyByte(body: Buffer): number[] {
  return Array.from({ length: Math.max(0, body.length - 1) }, (_, index) => index + 1)
}

/** The code of the refusal that the work ends in; fails when it succeeds or fails in another way. */
export async function refusal(work: Promise<unknown>): Promise<PortcullisError> {
  try {
    await work
  } catch (error) {
    if (error instanceof PortcullisError) return error
    throw error
  }
  throw new Error('expected a refusal')
}
