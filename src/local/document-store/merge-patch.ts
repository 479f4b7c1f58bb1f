import { objectMembers, OPEN_BRACE, skipSpace, text } from './json-spans.ts'
import type { MemberSpan } from './json-spans.ts'
import { StoreRefusal } from './store-refusal.ts'

/** Deeper patches are refused: merging recurses once per level. */
const DEPTH_MAX = 1_000

/**
 * RFC 7396 merge patch on bytes: members the patch does not name keep their exact bytes, order and spacing.
 * Both arguments are well-formed JSON; `target` undefined means there is no document yet.
 */
export function applyMergePatch(target: Uint8Array | undefined, patch: Uint8Array): Buffer {
  const pieces: Uint8Array[] = []
  const patchStart = skipSpace(patch, 0)
  const targetStart = target === undefined ? undefined : skipSpace(target, 0)
  if (patch[patchStart] !== OPEN_BRACE) return Buffer.from(patch)
  if (target === undefined || targetStart === undefined || target[targetStart] !== OPEN_BRACE) {
    merge(pieces, Buffer.from('{}'), 0, patch, patchStart, 1)
  } else {
    pieces.push(target.subarray(0, targetStart))
    merge(pieces, target, targetStart, patch, patchStart, 1)
  }
  return Buffer.concat(pieces)
}

function merge(
  pieces: Uint8Array[],
  target: Uint8Array,
  targetStart: number,
  patch: Uint8Array,
  patchStart: number,
  depth: number,
): void {
  if (depth > DEPTH_MAX) throw new StoreRefusal(413, `A patch may nest at most ${DEPTH_MAX} levels.`)
  const changes = new Map(objectMembers(patch, patchStart).map((member) => [member.name, member]))
  const current = objectMembers(target, targetStart)
  const lastByName = new Map(current.map((member) => [member.name, member]))
  let separator = '{'
  const separate = (): void => {
    pieces.push(Buffer.from(separator))
    separator = ','
  }
  for (const member of current) {
    const change = changes.get(member.name)
    if (change === undefined) {
      separate()
      pieces.push(target.subarray(member.segmentStart, member.segmentEnd))
      continue
    }
    // of duplicate names a reader sees the last one: patch that, drop the others
    if (isNull(patch, change) || lastByName.get(member.name) !== member) continue
    separate()
    pieces.push(target.subarray(member.segmentStart, member.valueStart))
    pushMerged(pieces, target, member, patch, change, depth)
    pieces.push(target.subarray(member.valueEnd, member.segmentEnd))
  }
  for (const change of changes.values()) {
    if (lastByName.has(change.name) || isNull(patch, change)) continue
    separate()
    pieces.push(patch.subarray(change.nameStart, change.valueStart))
    pushMerged(pieces, undefined, undefined, patch, change, depth)
  }
  pieces.push(Buffer.from(separator === '{' ? '{}' : '}'))
}

function pushMerged(
  pieces: Uint8Array[],
  target: Uint8Array | undefined,
  member: MemberSpan | undefined,
  patch: Uint8Array,
  change: MemberSpan,
  depth: number,
): void {
  if (patch[change.valueStart] !== OPEN_BRACE) {
    pieces.push(patch.subarray(change.valueStart, change.valueEnd))
  } else if (target !== undefined && member !== undefined && target[member.valueStart] === OPEN_BRACE) {
    merge(pieces, target, member.valueStart, patch, change.valueStart, depth + 1)
  } else {
    merge(pieces, Buffer.from('{}'), 0, patch, change.valueStart, depth + 1)
  }
}

function isNull(patch: Uint8Array, change: MemberSpan): boolean {
  return (
    change.valueEnd - change.valueStart === 4 && text(patch, change.valueStart, change.valueEnd) === 'null'
  )
}
