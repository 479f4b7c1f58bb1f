import { duration } from '../format.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'

/** The root key of each region, and how fresh the proof of access is. @param {{ byok: import('../shapes.js').Byok }} properties */
export function RootKeys({ byok }) {
  const { access, keys, revocationBoundMs } = byok
  // The server's clock, not this machine's: the proof's age was counted there.
  const nowMs =
    access.verifiedAt !== null && access.leaseAgeMs !== null
      ? Date.parse(access.verifiedAt) + access.leaseAgeMs
      : null
  const age = (/** @type {string | null} */ verifiedAt) =>
    nowMs === null || verifiedAt === null ? null : Math.max(0, nowMs - Date.parse(verifiedAt))
  return html`<section aria-labelledby="root-keys">
    <h2 id="root-keys">Root keys</h2>
    <${Table}
      caption="Root keys by region"
      rows=${keys}
      keyOf=${(/** @type {{ region: string }} */ key) => key.region}
      columns=${[
        { name: 'Region', header: true, cell: (/** @type {any} */ key) => key.region },
        {
          name: 'KMS key',
          cell: (/** @type {any} */ key) =>
            html`<${Copyable} text=${key.keyArn} label=${`key ARN in ${key.region}`} />`,
        },
        {
          name: 'Last verified access (UTC)',
          cell: (/** @type {any} */ key) => html`<${Time} at=${key.verifiedAt} />`,
        },
        {
          name: 'Age of the proof',
          kind: 'wide-number',
          cell: (/** @type {any} */ key) =>
            html`<${LeaseAge} ageMs=${age(key.verifiedAt)} boundMs=${revocationBoundMs} />`,
        },
      ]}
    />
    <p class="hint">
      Each region’s key is really used to verify access while there is traffic. No proof older than
      ${' '}${duration(revocationBoundMs)} serves a request while AWS answers.
    </p>
  </section>`
}

/** @param {{ ageMs: number | null, boundMs: number }} properties */
function LeaseAge({ ageMs, boundMs }) {
  if (ageMs === null) return html`<span class="faint">–</span>`
  const share = Math.min(1, ageMs / boundMs)
  return html`<span class="lease"
    ><svg class=${share < 1 ? 'gauge' : 'gauge gauge-over'} viewBox="0 0 60 6" aria-hidden="true">
      <rect class="gauge-ground" width="60" height="6" rx="1" />
      <rect class="gauge-fill" width=${60 * share} height="6" rx="1" /></svg
    ><span class="number">${duration(ageMs)}</span></span
  >`
}
