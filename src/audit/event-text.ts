import { canonicalJson } from './canonical-json.ts'
import type { Json } from './canonical-json.ts'

const TEXT_CHARACTERS_MAX = 2048
const MEMBERS_MAX = 64
const DEPTH_MAX = 4
const REMOVED = '[removed]'

/** Member names that no event may have: whoever adds one by mistake leaks nothing. */
const FORBIDDEN =
  /secret|password|passphrase|plaintext|authorization|credential|cookie|private-?key|(session|access|app|bearer|admin)-?token|ciphertext$|content$/i

/** Names recur with every event, and the expression costs more than all the rest. */
const verdicts = new Map<string, boolean>()
const VERDICTS_MAX = 1_000

/**
 * The canonical text of an event, cut down to what an event may hold: short texts, numbers, flags and flat groups
 * of them. Members whose names speak of secrets or content lose their value. Throws nothing on any input.
 */
export function eventText(event: object): string {
  return canonicalJson(cleaned(event, 0))
}

function cleaned(value: unknown, depth: number): Json {
  switch (typeof value) {
    case 'string':
      return textOf(value)
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : null
    case 'object':
      if (value === null) return null
      if (depth >= DEPTH_MAX || ArrayBuffer.isView(value)) return REMOVED
      return Array.isArray(value)
        ? value.slice(0, MEMBERS_MAX).map((element) => cleaned(element, depth + 1))
        : cleanedMembers(value, depth)
    default:
      return null
  }
}

/** What no database and no receiver chokes on: well-formed, without NUL, not too long. */
function textOf(value: string): string {
  const cut = value.length > TEXT_CHARACTERS_MAX ? `${value.slice(0, TEXT_CHARACTERS_MAX)}…` : value
  return cut.toWellFormed().replaceAll('\0', '\uFFFD')
}

function cleanedMembers(value: object, depth: number): Json {
  const members: Record<string, Json> = {}
  for (const [name, member] of Object.entries(value).slice(0, MEMBERS_MAX)) {
    if (member === undefined) continue
    Object.defineProperty(members, name, {
      value: isForbidden(name) ? REMOVED : cleaned(member, depth + 1),
      enumerable: true,
    })
  }
  return members
}

function isForbidden(name: string): boolean {
  let verdict = verdicts.get(name)
  if (verdict === undefined) {
    verdict = FORBIDDEN.test(name)
    if (verdicts.size < VERDICTS_MAX) verdicts.set(name, verdict)
  }
  return verdict
}
