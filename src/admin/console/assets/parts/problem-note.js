import { sentence } from '../format.js'
import { html } from '../html.js'

/**
 * A refusal in the words of the API: what, which rule, what to do instead.
 * @param {{ problem: import('../api.js').Problem | undefined, title?: string }} properties
 */
export function ProblemNote({ problem, title }) {
  if (problem === undefined) return null
  return html`<div class="note note-bad" role="alert">
    ${title && html`<p><strong>${title}</strong></p>`}
    ${problem.errors.length === 0 && html`<p>${problem.message}</p>`}
    ${problem.errors.length === 0 && problem.remedy && html`<p>${problem.remedy}</p>`}
    ${
      problem.errors.length > 0 &&
      html`<ul>
        ${problem.errors.map((error) => html`<li><strong>${sentence(error.reason)}</strong> ${sentence(error.remedy)}</li>`)}
      </ul>`
    }
    ${problem.requestId && html`<p class="faint">Request ${problem.requestId}</p>`}
  </div>`
}
