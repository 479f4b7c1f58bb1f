import { FRAME_MARKER, FrameOpener } from '../crypto/frames.ts'
import type { SecureMemory } from '../crypto/secure-memory.ts'
import { EnvelopeError } from './envelope-error.ts'
import type { StreamHeader } from './header.ts'
import { StreamKeys } from './stream-keys.ts'

/**
 * Opens the trailer of a stream without its frames: `sealed` are the stored bytes behind the last of its `frames`
 * frames.
 *
 * @throws EnvelopeError `not-authentic`
 */
export function openTrailer(
  memory: SecureMemory,
  streamKey: Uint8Array,
  header: StreamHeader,
  context: Uint8Array,
  frames: number,
  sealed: Uint8Array,
): Buffer {
  const keys = StreamKeys.open(memory, streamKey, header, context)
  const opener = new FrameOpener(keys.frameKey)
  try {
    const trailer = opener.open(frames, FRAME_MARKER.trailer, Buffer.from(sealed))
    if (trailer === undefined) throw new EnvelopeError('not-authentic', 'the trailer does not authenticate')
    return trailer
  } finally {
    opener.free()
    keys.wipe()
  }
}
