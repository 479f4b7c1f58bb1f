import type { PathState } from './path-state.ts'

/** Where a JSON pointer leads in a coverage. */
export interface PointerTarget {
  readonly state: PathState
  /** Innermost member name on the way, as it enters the associated data of a value sealed there. */
  readonly fieldName: string
}

const TOKENS_MAX = 1_000

/**
 * Follows a JSON pointer (RFC 6901), such as the path of a JSON patch operation. Undefined where it is no pointer,
 * where it leads into a value that is sealed whole, or where a numeric token could be an index or a member name
 * and the two would be treated differently: the operation has to be refused then. The token `-` is always an element.
 */
export function stateAtPointer(root: PathState, pointer: string): PointerTarget | undefined {
  if (pointer !== '' && !pointer.startsWith('/')) return undefined
  let target: PointerTarget = { state: root, fieldName: '' }
  const tokens = pointer === '' ? [] : pointer.slice(1).split('/')
  if (tokens.length > TOKENS_MAX) return undefined
  for (const token of tokens) {
    const { state } = target
    if (state.action === 'seal' || /~(?![01])/.test(token)) return undefined
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    const bytes = Buffer.from(name)
    const member = { state: state.member(bytes, 0, bytes.byteLength), fieldName: name }
    // a dash appends to an array (RFC 6901 section 4)
    if (token === '-') target = { state: state.element, fieldName: target.fieldName }
    else if (!/^(?:0|[1-9]\d*)$/.test(token)) target = member
    else if (state.element.action === 'descend' && member.state.action !== 'clear') {
      target = { state: state.element, fieldName: target.fieldName }
    } else if (state.element.action === 'clear' && member.state.action === 'clear') target = member
    else return undefined
  }
  return target
}
