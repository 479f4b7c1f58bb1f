import { stateName } from '../format.js'
import { html } from '../html.js'

/** Shapes differ as colours do. @type {Readonly<Record<string, string>>} */
const SHAPES = {
  valid: 'M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2Z',
  grace: 'M8 2 14.500 13.500H1.500Z',
  unavailable: 'M8 2 14.500 13.500H1.500Z',
  suspended: 'M2.500 2.500h11v11h-11Z',
  unverified: 'M8 3a5 5 0 1 0 0 10A5 5 0 1 0 8 3Z',
}

/** A state in word, shape and colour. @param {{ state: string, text?: string }} properties */
export function StateMark({ state, text }) {
  return html`<span class=${`state state-${state}`}
    ><svg viewBox="0 0 16 16" aria-hidden="true"><path d=${SHAPES[state] ?? SHAPES.unverified} /></svg
    >${text ?? stateName(state)}</span
  >`
}
