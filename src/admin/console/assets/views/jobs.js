import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName, counted, words } from '../format.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useAction, useResource } from '../resource.js'

/** Rotations as they run, and the tenant keys. @param {{ organization: import('../shapes.js').Organization }} properties */
export function Jobs({ organization }) {
  const { permissions } = useSession()
  const base = organizationPath`${organization.id}`
  return html`
    <h1 tabindex="-1">Keys and jobs</h1>
    ${permissions.may('rotation.list') && html`<${Rotations} organization=${organization} base=${base} />`}
    <${TenantKeys} base=${base} />
  `
}

const UNDER_WAY = new Set(['queued', 'running'])

/** @param {{ organization: import('../shapes.js').Organization, base: string }} properties */
function Rotations({ organization, base }) {
  const { permissions } = useSession()
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const { value, problem, reload } = useResource(`${base}/rotations?limit=20`, {
    everyMs: busy ? 1_000 : 15_000,
  })
  /** @type {import('../shapes.js').Rotation[]} */
  const items = value?.items ?? []
  const underWay = items.some(({ state }) => UNDER_WAY.has(state))
  if (underWay !== busy) setBusy(underWay)
  return html`<section aria-labelledby="rotations">
    <div class="section-head">
      <h2 id="rotations">Rotations</h2>
      ${permissions.may('rotation.start') && html`<button type="button" onClick=${() => setAsking(true)}>Rotate tenant keys …</button>`}
    </div>
    <p class="hint">
      New versions of the tenant keys encrypt from then on; what older ones encrypted stays readable. AWS
      rotates the root keys by itself and needs nothing here.
    </p>
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption="Rotations, newest first"
        rows=${items}
        empty="None yet."
        keyOf=${(/** @type {any} */ row) => row.id}
        columns=${[
          {
            name: 'Started (UTC)',
            header: true,
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.createdAt} />`,
          },
          { name: 'By', cell: (/** @type {any} */ row) => row.createdBy },
          { name: 'Progress', cell: (/** @type {any} */ row) => html`<${Progress} rotation=${row} />` },
          {
            name: 'State',
            cell: (/** @type {any} */ row) =>
              html`${words(row.state)}${row.error && html`<br /><span class="faint">${row.error}</span>`}`,
          },
          {
            name: 'Finished (UTC)',
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.finishedAt} none="–" />`,
          },
        ]}
      />`
    }
    ${asking && html`<${RotateDialog} organization=${organization} base=${base} onClose=${() => setAsking(false)} onStarted=${reload} />`}
  </section>`
}

/** @param {{ rotation: import('../shapes.js').Rotation }} properties */
function Progress({ rotation }) {
  const { done, total } = rotation.keys
  return html`<span class="progress"
    ><progress value=${done} max=${Math.max(1, total)} aria-label="Keys rotated"></progress
    ><span class="number">${done} of ${counted(total, 'key')}</span></span
  >`
}

/** @param {{ organization: import('../shapes.js').Organization, base: string, onClose: () => void, onStarted: () => void }} properties */
function RotateDialog({ organization, base, onClose, onStarted }) {
  const { api } = useSession()
  const action = useAction(async () => {
    await api.send('POST', `${base}/rotations`, {})
    announce('The rotation started')
    onStarted()
    onClose()
  })
  return html`<${Dialog} title="Rotate the tenant keys?" onClose=${onClose}>
    <p>
      Every tenant key of ${organization.id} gets a new version, wrapped under the root key of each region.
      Apps go on without a pause.
    </p>
    <${ProblemNote} problem=${action.problem} />
    <div class="actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="primary" disabled=${action.running} onClick=${() => action.run()}>
        Rotate
      </button>
    </div>
  <//>`
}

/** @param {{ base: string }} properties */
function TenantKeys({ base }) {
  const { value, problem } = useResource(`${base}/keys?limit=200`, { everyMs: 15_000 })
  return html`<section aria-labelledby="tenant-keys">
    <h2 id="tenant-keys">Tenant keys</h2>
    <p class="hint">
      One for each app and class of data, kept only wrapped under the root key of every region.
    </p>
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption="Tenant keys, newest first"
        rows=${value.items}
        empty="None yet: the first is made when an app first writes."
        keyOf=${(/** @type {any} */ row) => row.keyId}
        columns=${[
          { name: 'Site', header: true, cell: (/** @type {any} */ row) => row.site },
          { name: 'App', cell: (/** @type {any} */ row) => appName(row.app) },
          { name: 'Data', cell: (/** @type {any} */ row) => words(row.dataClass) },
          { name: 'Version', kind: 'right', cell: (/** @type {any} */ row) => row.version },
          {
            name: 'Use',
            cell: (/** @type {any} */ row) =>
              row.encrypts ? 'encrypts' : html`<span class="faint">decrypts only</span>`,
          },
          {
            name: 'Wrapped by',
            cell: (/** @type {any} */ row) => (row.authority.startsWith('vendor:') ? 'vendor' : 'customer'),
          },
          { name: 'Regions', cell: (/** @type {any} */ row) => row.regions.join(', ') },
          { name: 'Key id', cell: (/** @type {any} */ row) => html`<code>${row.keyId}</code>` },
          { name: 'Made (UTC)', cell: (/** @type {any} */ row) => html`<${Time} at=${row.createdAt} />` },
        ]}
      />`
    }
    ${value?.next && html`<p class="hint">The newest ${value.items.length} are shown.</p>`}
  </section>`
}
