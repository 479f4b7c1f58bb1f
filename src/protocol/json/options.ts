import type { PathState } from '../../coverage/path-state.ts'
import type { FieldCodec } from './codec.ts'
import type { JsonLimits } from './limits.ts'

/** How one body is to be transformed. */
export interface JsonTransformOptions {
  /** `seal` on the way to a store, `open` on the way back. */
  readonly direction: 'seal' | 'open'
  /** What is covered, at the top of each document. */
  readonly state: PathState
  readonly codec: FieldCodec
  readonly limits?: Partial<JsonLimits>
  /** One document, or one per line with blank lines allowed (NDJSON). Default: `document`. */
  readonly framing?: 'document' | 'lines'
  /**
   * Opening: what becomes of a covered value that is no envelope. `pass` is for stores under migration and for
   * error bodies; an envelope that does not authenticate is refused all the same. Default: `refuse`.
   */
  readonly clearValues?: 'refuse' | 'pass'
  /**
   * `keep`: the covered `null` of a member outside arrays passes as it is, because it removes the member
   * (RFC 7396). Default: `cover`, as any other value.
   */
  readonly nulls?: 'cover' | 'keep'
  /** Field name that the top of the document goes by. Default: empty, as for every document of its own. */
  readonly fieldName?: string
  /**
   * Told how many more bytes (or, negative, fewer) of a covered value are kept because the value goes on in the next
   * chunk. May throw to refuse. Nothing is told when the transform is abandoned.
   */
  readonly onHeld?: ((bytes: number) => void) | undefined
}
