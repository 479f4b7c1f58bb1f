import { isDeepStrictEqual } from 'node:util'
import {
  arrayElements,
  objectMembers,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipSpace,
  skipValue,
  text,
} from './json-spans.ts'
import type { ElementSpan, MemberSpan } from './json-spans.ts'
import { StoreRefusal } from './store-refusal.ts'

/** Each operation copies the document once. */
const OPERATIONS_MAX = 1_000

interface Place {
  /** Start of the object or array that holds the place. */
  readonly parentStart: number
  readonly siblings: readonly (MemberSpan | ElementSpan)[]
  /** Index among the siblings; their count where nothing is there yet. */
  readonly index: number
  readonly name: string | undefined
}

/**
 * RFC 6902 JSON patch on bytes: what no operation touches keeps its exact bytes. Both arguments are well-formed
 * JSON. Throws `StoreRefusal`: 400 for a malformed patch, 409 where an operation does not apply, so that either
 * all operations take effect or none.
 */
export function applyJsonPatch(target: Uint8Array, patch: Uint8Array): Buffer {
  const start = skipSpace(patch, 0)
  if (patch[start] !== OPEN_BRACKET) throw new StoreRefusal(400, 'A JSON patch is an array of operations.')
  const operations = arrayElements(patch, start)
  if (operations.length > OPERATIONS_MAX) {
    throw new StoreRefusal(413, `A JSON patch may have at most ${OPERATIONS_MAX} operations.`)
  }
  let document: Buffer = Buffer.from(target)
  for (const { valueStart } of operations) document = applyOperation(document, patch, valueStart)
  return document
}

function applyOperation(document: Buffer, patch: Uint8Array, start: number): Buffer {
  if (patch[start] !== OPEN_BRACE) throw new StoreRefusal(400, 'An operation of a JSON patch is an object.')
  const members = new Map(objectMembers(patch, start).map((member) => [member.name, member]))
  const textOf = (name: string): string => {
    const member = members.get(name)
    const value: unknown = member && JSON.parse(text(patch, member.valueStart, member.valueEnd))
    if (typeof value !== 'string') throw new StoreRefusal(400, `An operation lacks the string "${name}".`)
    return value
  }
  const value = (): Uint8Array => {
    const member = members.get('value')
    if (member === undefined) throw new StoreRefusal(400, 'An operation lacks "value".')
    return patch.subarray(member.valueStart, member.valueEnd)
  }
  const operation = textOf('op')
  const path = textOf('path')
  switch (operation) {
    case 'add':
      return add(document, path, value())
    case 'remove':
      return remove(document, path)
    case 'replace':
      return replace(document, path, value())
    case 'copy':
      return add(document, path, valueAt(document, textOf('from')))
    case 'move': {
      const from = textOf('from')
      if (path.startsWith(`${from}/`)) throw new StoreRefusal(409, 'A value cannot be moved into itself.')
      const moved = valueAt(document, from)
      return path === from ? document : add(remove(document, from), path, moved)
    }
    case 'test':
      if (!equal(valueAt(document, path), value())) throw new StoreRefusal(409, `The test of ${path} failed.`)
      return document
    default:
      throw new StoreRefusal(400, 'An operation of a JSON patch has an unknown "op".')
  }
}

function add(document: Buffer, path: string, value: Uint8Array): Buffer {
  if (path === '') return Buffer.from(value)
  const { parentStart, siblings, index, name } = locate(document, path)
  const sibling = siblings[index]
  if (name !== undefined && sibling !== undefined)
    return splice(document, sibling.valueStart, sibling.valueEnd, value)
  const token = name === undefined ? value : Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), value])
  if (sibling !== undefined) {
    return splice(
      document,
      sibling.segmentStart,
      sibling.segmentStart,
      Buffer.concat([token, Buffer.from(',')]),
    )
  }
  const last = siblings.at(-1)
  if (last === undefined) return splice(document, parentStart + 1, parentStart + 1, token)
  return splice(document, last.valueEnd, last.valueEnd, Buffer.concat([Buffer.from(','), token]))
}

function remove(document: Buffer, path: string): Buffer {
  if (path === '') throw new StoreRefusal(409, 'The whole document cannot be removed by a patch.')
  const { siblings, index } = locate(document, path)
  const found = existing(siblings[index], path)
  const following = siblings[index + 1]
  const preceding = siblings[index - 1]
  if (following !== undefined) return splice(document, found.segmentStart, following.segmentStart)
  return splice(document, preceding?.segmentEnd ?? found.segmentStart, found.segmentEnd)
}

function replace(document: Buffer, path: string, value: Uint8Array): Buffer {
  if (path === '') return Buffer.from(value)
  const { siblings, index } = locate(document, path)
  const found = existing(siblings[index], path)
  return splice(document, found.valueStart, found.valueEnd, value)
}

function valueAt(document: Buffer, path: string): Buffer {
  if (path === '') return document
  const { siblings, index } = locate(document, path)
  const found = existing(siblings[index], path)
  return document.subarray(found.valueStart, found.valueEnd)
}

/** Follows a JSON pointer (RFC 6901) to the parent of its last token. */
function locate(document: Buffer, path: string): Place {
  if (!path.startsWith('/')) throw new StoreRefusal(400, 'A path of a JSON patch is not a JSON pointer.')
  const tokens = path
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  let parentStart = skipSpace(document, 0)
  for (const [depth, token] of tokens.entries()) {
    const place = locateChild(document, parentStart, token, path)
    if (depth === tokens.length - 1) return place
    parentStart = existing(place.siblings[place.index], path).valueStart
  }
  throw notThere(path)
}

function locateChild(document: Buffer, parentStart: number, token: string, path: string): Place {
  if (document[parentStart] === OPEN_BRACE) {
    const siblings = objectMembers(document, parentStart)
    const index = siblings.findLastIndex((member) => member.name === token)
    return { parentStart, siblings, index: index === -1 ? siblings.length : index, name: token }
  }
  if (document[parentStart] !== OPEN_BRACKET) throw notThere(path)
  const siblings = arrayElements(document, parentStart)
  if (token === '-') return { parentStart, siblings, index: siblings.length, name: undefined }
  const index = /^(0|[1-9]\d{0,8})$/.test(token) ? Number(token) : Number.NaN
  if (!(index <= siblings.length)) throw notThere(path)
  return { parentStart, siblings, index, name: undefined }
}

function existing<Span>(span: Span | undefined, path: string): Span {
  if (span === undefined) throw notThere(path)
  return span
}

function notThere(path: string): StoreRefusal {
  return new StoreRefusal(409, `The document has nothing at ${path}.`)
}

function splice(document: Buffer, start: number, end: number, replacement?: Uint8Array): Buffer {
  const middle = replacement ?? Buffer.alloc(0)
  return Buffer.concat([document.subarray(0, start), middle, document.subarray(end)])
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  const parse = (bytes: Uint8Array): unknown => {
    const start = skipSpace(bytes, 0)
    return JSON.parse(text(bytes, start, skipValue(bytes, start)))
  }
  return isDeepStrictEqual(parse(left), parse(right))
}
