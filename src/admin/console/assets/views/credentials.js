import { useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { FileNote } from '../parts/file-note.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useResource } from '../resource.js'
import { CREDENTIAL_KINDS } from './credential-kinds.js'
import { NewCredential } from './new-credential.js'
import { Removal } from './removal.js'

/** App tokens, S3 access keys and administrators. @param {{ organization: import('../shapes.js').Organization }} properties */
export function Credentials({ organization }) {
  return html`
    <h1 tabindex="-1">Credentials</h1>
    <${FileNote} organization=${organization} />
    ${CREDENTIAL_KINDS.map((kind) => html`<${Section} key=${kind.path} organization=${organization} kind=${kind} />`)}
  `
}

/** @param {{ organization: import('../shapes.js').Organization, kind: import('./credential-kinds.js').Kind }} properties */
function Section({ organization, kind }) {
  const { permissions } = useSession()
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState(/** @type {any} */ (undefined))
  const base = `${organizationPath`${organization.id}`}/${kind.path}`
  const { value, problem, reload } = useResource(`${base}?limit=500`, { everyMs: 10_000 })
  // who looks after an organization is no part of the file
  const changeable = organization.managedBy === 'api' || kind.path === 'administrators'
  const actions = {
    name: 'Action',
    cell: (/** @type {any} */ row) =>
      row.managedBy !== 'file' &&
      html`<button
        type="button"
        aria-label=${`Revoke ${kind.one} ${row.name} …`}
        onClick=${() => setRevoking(row)}
      >
        Revoke …
      </button>`,
  }
  return html`<section aria-labelledby=${kind.path}>
    <div class="section-head">
      <h2 id=${kind.path}>${kind.title}</h2>
      ${changeable && permissions.may(kind.create) && html`<button type="button" onClick=${() => setMaking(true)}>New ${kind.one} …</button>`}
    </div>
    <p class="hint">${kind.hint}</p>
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption=${kind.title}
        rows=${value.items}
        empty="None yet."
        keyOf=${kind.idOf}
        columns=${[
          { name: 'Name', header: true, cell: (/** @type {any} */ row) => row.name },
          { name: 'Reaches', kind: 'wrapped', cell: kind.reaches },
          { name: 'Identifier', cell: (/** @type {any} */ row) => html`<code>${kind.idOf(row)}</code>` },
          {
            name: 'Made (UTC)',
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.createdAt} none="–" />`,
          },
          {
            name: 'By',
            cell: (/** @type {any} */ row) => row.createdBy ?? 'configuration file',
          },
          {
            name: 'Expires (UTC)',
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.expiresAt} none="never" />`,
          },
          ...(changeable && permissions.may(kind.revoke) ? [actions] : []),
        ]}
      />`
    }
    ${value?.next && html`<p class="hint">The first ${value.items.length} are shown.</p>`}
    ${making && html`<${NewCredential} organization=${organization} kind=${kind} base=${base} onClose=${() => setMaking(false)} onMade=${reload} />`}
    ${
      revoking &&
      html`<${Removal}
        verb="Revoke"
        name=${revoking.name}
        path=${`${base}/${encodeURIComponent(kind.idOf(revoking))}`}
        consequence=${kind.consequence}
        onClose=${() => setRevoking(undefined)}
        onRemoved=${reload}
      />`
    }
  </section>`
}
