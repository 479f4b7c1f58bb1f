import { html } from '../html.js'

/** The sign of the product: a portcullis. */
export function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M6 27V14a10 10 0 0 1 20 0v13" />
    <path d="M11.500 27V9M16 27V7M20.500 27V9M7 15h18M7 21h18" />
  </svg>`
}
