import { useState } from 'preact/hooks'
import { eventText, outcomeOf } from '../audit-text.js'
import { instant, words } from '../format.js'
import { html } from '../html.js'
import { Table } from '../parts/table.js'

/** Rows, newest first; each opens to the whole of it. @param {{ rows: import('../shapes.js').AuditRow[] }} properties */
export function AuditRows({ rows }) {
  const [opened, setOpened] = useState(/** @type {number | undefined} */ (undefined))
  return html`<${Table}
    caption="Audit events, newest first"
    rows=${rows.toReversed()}
    empty="No event fits the filters."
    keyOf=${(/** @type {any} */ row) => row.sequence}
    detail=${(/** @type {any} */ row) => opened === row.sequence && html`<pre>${JSON.stringify(row, null, 2)}</pre>`}
    columns=${[
      {
        name: 'Row',
        kind: 'right',
        cell: (/** @type {any} */ row) =>
          html`<button
            type="button"
            class="disclose"
            aria-expanded=${opened === row.sequence}
            aria-label=${`Row ${row.sequence}: details`}
            onClick=${() => setOpened(opened === row.sequence ? undefined : row.sequence)}
          >
            ${row.sequence}
          </button>`,
      },
      {
        name: 'Time (UTC)',
        header: true,
        cell: (/** @type {any} */ { event }) =>
          html`<time datetime=${event.at} title=${event.at}
            >${instant(event.at)}<span class="faint">${event.at.slice(19, 23)}</span></time
          >`,
      },
      { name: 'Event', cell: (/** @type {any} */ { event }) => words(event.type) },
      { name: 'What', kind: 'what', cell: (/** @type {any} */ { event }) => eventText(event) },
      {
        name: 'Outcome',
        cell: (/** @type {any} */ { event }) =>
          outcomeOf(event) === '' || outcomeOf(event) === 'succeeded'
            ? outcomeOf(event)
            : html`<span class="bad">${outcomeOf(event)}</span>`,
      },
      {
        name: 'AWS request',
        cell: (/** @type {any} */ { event }) =>
          event.awsRequestId && html`<code>${event.awsRequestId}</code>`,
      },
    ]}
  />`
}
