/**
 * RFC 8259 as a table: what is expected x the next byte -> what to do.
 * The part of a pushdown automaton that no token state is needed for; the stack holds, per open container,
 * what is expected after it closes.
 */

/** A value that stands alone: the top level, or a value that is looked at by itself. */
export const VALUE_ALONE = 0
export const VALUE_IN_OBJECT = 1
const VALUE_IN_ARRAY = 2
export const FIRST_ELEMENT = 3
export const FIRST_NAME = 4
const NAME = 5
export const COLON = 6
export const AFTER_IN_OBJECT = 7
export const AFTER_IN_ARRAY = 8
/** Nothing but whitespace may follow. */
export const END = 9

const EXPECTATIONS = 10

export const REFUSE = 0
/** A string begins: a name or a value, as expected. */
export const STRING = 1
export const NUMBER = 2
export const LITERAL = 3
export const OPEN_OBJECT = 4
export const OPEN_ARRAY = 5
export const CLOSE = 6
/** From here on: consume the byte and expect `action - SHIFT`. */
export const SHIFT = 16

/** What is expected once a value, or a name, that was expected has been read. */
export const FOLLOW = Uint8Array.of(
  END, // VALUE_ALONE
  AFTER_IN_OBJECT, // VALUE_IN_OBJECT
  AFTER_IN_ARRAY, // VALUE_IN_ARRAY
  AFTER_IN_ARRAY, // FIRST_ELEMENT
  COLON, // FIRST_NAME
  COLON, // NAME
)

/** Action for `(expectation << 8) | byte`. */
export const ACTIONS = buildActions()

/** True where the expectation is a value, not a name. */
export function expectsValue(expectation: number): boolean {
  return expectation <= FIRST_ELEMENT
}

function buildActions(): Uint8Array {
  const actions = new Uint8Array(EXPECTATIONS << 8)
  const set = (expectation: number, characters: string, action: number): void => {
    for (const character of characters) actions[(expectation << 8) | character.charCodeAt(0)] = action
  }
  for (let expectation = 0; expectation < EXPECTATIONS; expectation++) {
    set(expectation, ' \t\n\r', SHIFT + expectation)
  }
  for (const expectation of [VALUE_ALONE, VALUE_IN_OBJECT, VALUE_IN_ARRAY, FIRST_ELEMENT]) {
    set(expectation, '"', STRING)
    set(expectation, '-0123456789', NUMBER)
    set(expectation, 'tfn', LITERAL)
    set(expectation, '{', OPEN_OBJECT)
    set(expectation, '[', OPEN_ARRAY)
  }
  set(FIRST_ELEMENT, ']', CLOSE)
  set(FIRST_NAME, '"', STRING)
  set(FIRST_NAME, '}', CLOSE)
  set(NAME, '"', STRING)
  set(COLON, ':', SHIFT + VALUE_IN_OBJECT)
  set(AFTER_IN_OBJECT, ',', SHIFT + NAME)
  set(AFTER_IN_OBJECT, '}', CLOSE)
  set(AFTER_IN_ARRAY, ',', SHIFT + VALUE_IN_ARRAY)
  set(AFTER_IN_ARRAY, ']', CLOSE)
  return actions
}
