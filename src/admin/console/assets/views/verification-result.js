import { counted, words } from '../format.js'
import { html } from '../html.js'
import { ScrollRegion } from '../parts/scroll-region.js'

/** @type {Readonly<Record<string, string>>} */
const VERDICTS = {
  passed: '✓ passed',
  failed: '✕ failed',
  inconclusive: '? no verdict',
  skipped: '– skipped',
}

/** Findings first, then every check by region. @param {{ report: import('../shapes.js').VerificationReport }} properties */
export function VerificationResult({ report }) {
  return html`
    ${
      report.ok
        ? html`<p class="note note-good">
            <strong>Every permission is there.</strong> ${counted(report.checks.length, 'check')} passed or
            need nothing.
          </p>`
        : html`<${Findings} findings=${report.findings} />`
    }
    <${Checks} checks=${report.checks} />
    ${
      report.notVerifiable.length > 0 &&
      html`<details>
        <summary>What cannot be tried from here</summary>
        <ul>
          ${report.notVerifiable.map((text) => html`<li key=${text}>${text}</li>`)}
        </ul>
      </details>`
    }
  `
}

/** @param {{ findings: import('../shapes.js').VerificationReport['findings'] }} properties */
function Findings({ findings }) {
  return html`<ol class="findings">
    ${findings.map(
      ({ kind, region, detail, remedy, statements }, index) =>
        html`<li key=${index}>
          <p>
            <span class="tag tag-bad">${words(kind)}</span> ${region && html`<code>${region}</code>`}${' '}
            <strong>${detail}</strong>
          </p>
          <p>${remedy}</p>
          ${
            statements.length > 0 &&
            html`<p class="faint">
              ${statements.map(({ policy, sid }) => html`<span key=${`${policy}/${sid}`}>${words(policy)}, statement <code>${sid}</code>. </span>`)}
            </p>`
          }
        </li>`,
    )}
  </ol>`
}

/** @param {{ checks: import('../shapes.js').VerificationReport['checks'] }} properties */
function Checks({ checks }) {
  const regions = [...new Set(checks.map(({ region }) => region))]
  const titles = [...new Set(checks.map(({ title }) => title))]
  const verdicts = new Map(checks.map(({ title, region, verdict }) => [`${region} ${title}`, verdict]))
  return html`<${ScrollRegion} label="Checks">
    <table>
      <caption class="visually-hidden">
        Checks by region
      </caption>
      <thead>
        <tr>
          <th scope="col">Check</th>
          ${regions.map((region) => html`<th key=${region} scope="col">${region}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${titles.map(
          (title) =>
            html`<tr key=${title}>
              <th scope="row" class="plain">${title}</th>
              ${regions.map((region) => {
                const verdict = verdicts.get(`${region} ${title}`)
                return html`<td key=${region} class=${`verdict verdict-${verdict}`}>
                  ${verdict && VERDICTS[verdict]}
                </td>`
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  <//>`
}
