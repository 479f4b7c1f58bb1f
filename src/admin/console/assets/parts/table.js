import { html } from '../html.js'
import { ScrollRegion } from './scroll-region.js'

/**
 * A table with a caption for screen readers; wide ones scroll in a region that the keyboard reaches.
 *
 * @template Row
 * @param {{
 *   caption: string,
 *   columns: readonly { name: string, cell: (row: Row) => any, kind?: string, header?: boolean }[],
 *   rows: readonly Row[],
 *   keyOf: (row: Row) => string | number,
 *   empty?: string,
 *   detail?: (row: Row) => any,
 * }} properties
 */
export function Table({ caption, columns, rows, keyOf, empty = 'None.', detail }) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`
  return html`<${ScrollRegion} label=${caption}>
    <table>
      <caption class="visually-hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ name, kind }) => html`<th key=${name} scope="col" class=${kind}>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => [
          html`<tr key=${keyOf(row)}>
            ${columns.map(({ name, cell, kind, header }) =>
              header
                ? html`<th key=${name} scope="row" class=${kind}>${cell(row)}</th>`
                : html`<td key=${name} class=${kind}>${cell(row)}</td>`,
            )}
          </tr>`,
          detail?.(row) &&
            html`<tr key=${`${keyOf(row)}:detail`} class="detail">
              <td colspan=${columns.length}>${detail(row)}</td>
            </tr>`,
        ])}
      </tbody>
    </table>
  <//>`
}
