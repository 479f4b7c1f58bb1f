import type { PathState } from '../../coverage/path-state.ts'
import type { FieldCodec } from '../json/codec.ts'
import type { JsonLimits } from '../json/limits.ts'
import type { JsonTransformOptions } from '../json/options.ts'
import { JsonTransform } from '../json/transform.ts'
import { transformWhole } from '../json/transform-whole.ts'
import type { BodyTransform } from './body-transform.ts'
import type { BodyKind } from './media-type.ts'

/** What sealing and opening of one route's bodies have in common. */
export interface TransformScope {
  readonly state: PathState
  readonly codec: FieldCodec
  readonly limits: Partial<JsonLimits>
}

/** The transform that seals a request body of a covered route. A merge patch keeps its nulls: they delete (RFC 7396). */
export function sealing(scope: TransformScope, kind: BodyKind, patch: boolean): BodyTransform {
  return transforming({
    ...scope,
    direction: 'seal',
    framing: kind === 'ndjson' ? 'lines' : 'document',
    nulls: patch ? 'keep' : 'cover',
  })
}

/** The transform that opens a response body. `passClear` releases covered values that are no envelopes. */
export function opening(scope: TransformScope, kind: BodyKind, passClear: boolean): BodyTransform {
  return transforming({
    ...scope,
    direction: 'open',
    framing: kind === 'ndjson' ? 'lines' : 'document',
    clearValues: passClear ? 'pass' : 'refuse',
  })
}

function transforming(options: JsonTransformOptions): BodyTransform {
  return {
    whole: (body) => transformWhole(body, options),
    stream: (output, onHeld) => new JsonTransform({ ...options, onHeld }, output),
  }
}
