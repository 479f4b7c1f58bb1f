import { instant } from '../format.js'
import { html } from '../html.js'

/** An instant, UTC to the second; milliseconds in its title. @param {{ at: string | null | undefined, none?: string }} properties */
export function Time({ at, none = 'never' }) {
  if (!at) return html`<span class="faint">${none}</span>`
  return html`<time datetime=${at} title=${at}>${instant(at)}</time>`
}
