import { stateAtPointer } from '../../coverage/json-pointer.ts'
import type { PointerTarget } from '../../coverage/json-pointer.ts'
import type { PathState } from '../../coverage/path-state.ts'
import { PortcullisError } from '../../errors.ts'
import type { FieldCodec } from './codec.ts'
import { DEFAULT_JSON_LIMITS, type JsonLimits } from './limits.ts'
import { type PatchOperation, readPatch } from './patch-operations.ts'
import { SearchableOnlyCodec } from './searchable-only-codec.ts'
import { transformWhole } from './transform-whole.ts'

/** Arrays directly in one another that are looked into. */
const ARRAY_NESTING_MAX = 16

/**
 * Seals the values in a JSON Patch (RFC 6902) whose paths are covered; every other byte stays. `state` is the
 * coverage at the top of the patched document. A promise only when a key has to be loaded.
 *
 * Errors: `json-malformed`; `request-malformed` for what is no patch; `media-type-unsupported` for an operation
 * that cannot be done on encrypted values: one that reaches inside a value sealed whole, tests a value under
 * randomized encryption, or moves or copies between places that are not covered alike.
 */
export function sealJsonPatch(
  body: Buffer,
  state: PathState,
  codec: FieldCodec,
  limits?: Partial<JsonLimits>,
): Buffer | Promise<Buffer> {
  const patch: Patch = { body, state, codec, limits, pieces: [], copied: 0 }
  return sealOperations(patch, readPatch(body, limits), 0)
}

interface Patch {
  readonly body: Buffer
  readonly state: PathState
  readonly codec: FieldCodec
  readonly limits: Partial<JsonLimits> | undefined
  readonly pieces: Buffer[]
  /** Bytes of the body that are in `pieces`, or replaced. */
  copied: number
}

function sealOperations(
  patch: Patch,
  operations: readonly PatchOperation[],
  from: number,
): Buffer | Promise<Buffer> {
  for (let index = from; index < operations.length; index++) {
    const operation = operations[index]!
    const target = targetOf(patch.state, operation.path)
    if (operation.op === 'move' || operation.op === 'copy')
      requireSameCover(patch.state, operation.from, target)
    if (operation.op === 'remove' || operation.op === 'move' || operation.op === 'copy') continue
    const value = sealedValue(patch, operation, target)
    if (value instanceof Promise) {
      return value.then((bytes) => {
        replace(patch, operation, bytes)
        return sealOperations(patch, operations, index + 1)
      })
    }
    replace(patch, operation, value)
  }
  patch.pieces.push(patch.body.subarray(patch.copied))
  return Buffer.concat(patch.pieces)
}

function targetOf(state: PathState, pointer: string): PointerTarget {
  const target = stateAtPointer(state, pointer)
  if (target !== undefined && Buffer.byteLength(target.fieldName) <= DEFAULT_JSON_LIMITS.nameBytesMax)
    return target
  throw unsupported(
    'its path is malformed, too long, ambiguous, or leads into a value that is encrypted whole',
  )
}

/** What moves as ciphertext must go by the same rule and the same field name where it arrives. */
function requireSameCover(state: PathState, from: string, target: PointerTarget): void {
  const source = targetOf(state, from)
  if (source.state !== target.state) {
    throw unsupported('it moves or copies between places that are covered differently')
  }
  if (source.fieldName !== target.fieldName && bindsFieldName(source.state)) {
    throw unsupported('it moves or copies an encrypted value to another field name')
  }
}

/** True unless every value here that is sealed lies in a member further down, by whose name it goes. */
function bindsFieldName(start: PathState): boolean {
  let state = start
  for (let nesting = 0; nesting < ARRAY_NESTING_MAX; nesting++) {
    if (state.action === 'clear') return false
    if (state.rule !== undefined) return true
    if (state.element === state) return false
    state = state.element
  }
  return true
}

function sealedValue(
  patch: Patch,
  operation: PatchOperation,
  target: PointerTarget,
): Buffer | Promise<Buffer> {
  const value = patch.body.subarray(operation.valueStart, operation.valueEnd)
  return transformWhole(value, {
    direction: 'seal',
    state: target.state,
    fieldName: target.fieldName,
    codec: operation.op === 'test' ? new SearchableOnlyCodec(patch.codec) : patch.codec,
    ...(patch.limits === undefined ? {} : { limits: patch.limits }),
  })
}

function replace(patch: Patch, operation: PatchOperation, value: Buffer): void {
  patch.pieces.push(patch.body.subarray(patch.copied, operation.valueStart), value)
  patch.copied = operation.valueEnd
}

function unsupported(why: string): PortcullisError {
  return new PortcullisError(
    'media-type-unsupported',
    `An operation of the JSON Patch cannot be encrypted: ${why}.`,
  )
}
