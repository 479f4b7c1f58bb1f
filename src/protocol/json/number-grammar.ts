/** RFC 8259 section 6 as a table over `(state << 8) | byte`; a number has no end mark, so `STOP` is any other byte. */

export const NUMBER_START = 0
const MINUS = 1
const ZERO = 2
const INTEGER = 3
const POINT = 4
const FRACTION = 5
const EXPONENT = 6
const EXPONENT_SIGN = 7
const EXPONENT_DIGITS = 8
export const NUMBER_STOP = 9

/** Next state. */
export const NUMBER_STEPS = buildSteps()

/** True where a number may end. */
export function isNumberComplete(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT_DIGITS
}

function buildSteps(): Uint8Array {
  const steps = new Uint8Array(NUMBER_STOP << 8).fill(NUMBER_STOP)
  const set = (state: number, characters: string, next: number): void => {
    for (const character of characters) steps[(state << 8) | character.charCodeAt(0)] = next
  }
  set(NUMBER_START, '-', MINUS)
  for (const state of [NUMBER_START, MINUS]) {
    set(state, '0', ZERO)
    set(state, '123456789', INTEGER)
  }
  set(INTEGER, '0123456789', INTEGER)
  for (const state of [ZERO, INTEGER]) set(state, '.', POINT)
  for (const state of [POINT, FRACTION]) set(state, '0123456789', FRACTION)
  for (const state of [ZERO, INTEGER, FRACTION]) set(state, 'eE', EXPONENT)
  set(EXPONENT, '+-', EXPONENT_SIGN)
  for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS]) set(state, '0123456789', EXPONENT_DIGITS)
  return steps
}
