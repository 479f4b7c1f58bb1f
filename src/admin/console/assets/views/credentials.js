import { useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName } from '../format.js'
import { html } from '../html.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useResource } from '../resource.js'
import { NewCredential } from './new-credential.js'
import { RevokeCredential } from './revoke-credential.js'

/**
 * What differs between the kinds of credentials.
 * @typedef {{ path: string, title: string, one: string, hint: string, create: import('../shapes.js').OperationId,
 *   revoke: import('../shapes.js').OperationId, idOf: (row: any) => string, reaches: (row: any) => string }} Kind
 */

/** @type {readonly Kind[]} */
const KINDS = [
  {
    path: 'tokens',
    title: 'App tokens',
    one: 'app token',
    hint: 'What apps send as Portcullis-Authorization. A token reaches the sites that it names.',
    create: 'token.create',
    revoke: 'token.revoke',
    idOf: (row) => row.id,
    reaches: (row) => row.sites.join(', '),
  },
  {
    path: 'access-keys',
    title: 'S3 access keys',
    one: 'S3 access key',
    hint: 'What S3 clients sign with. An access key reaches the attachments of one app.',
    create: 'access-key.create',
    revoke: 'access-key.revoke',
    idOf: (row) => row.accessKeyId,
    reaches: (row) =>
      `${appName(row.app)} on ${row.site}, ${row.buckets.length === 0 ? 'all buckets' : row.buckets.join(', ')}`,
  },
]

/** App tokens and S3 access keys. @param {{ organization: import('../shapes.js').Organization }} properties */
export function Credentials({ organization }) {
  return html`
    <h1 tabindex="-1">Credentials</h1>
    ${
      organization.managedBy === 'file' &&
      html`<p class="note">
        The configuration file manages this organization and its credentials: they are changed there.
      </p>`
    }
    ${KINDS.map((kind) => html`<${Section} key=${kind.path} organization=${organization} kind=${kind} />`)}
  `
}

/** @param {{ organization: import('../shapes.js').Organization, kind: Kind }} properties */
function Section({ organization, kind }) {
  const { permissions } = useSession()
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState(/** @type {any} */ (undefined))
  const base = `${organizationPath`${organization.id}`}/${kind.path}`
  const { value, problem, reload } = useResource(`${base}?limit=500`, { everyMs: 10_000 })
  const changeable = organization.managedBy === 'api'
  const actions = {
    name: 'Action',
    cell: (/** @type {any} */ row) =>
      row.managedBy === 'api' &&
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
        empty=${changeable ? 'None yet.' : 'None here.'}
        keyOf=${kind.idOf}
        columns=${[
          { name: 'Name', header: true, cell: (/** @type {any} */ row) => row.name },
          { name: 'Reaches', cell: kind.reaches },
          { name: 'Identifier', cell: (/** @type {any} */ row) => html`<code>${kind.idOf(row)}</code>` },
          {
            name: 'Made (UTC)',
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.createdAt} none="–" />`,
          },
          { name: 'By', cell: (/** @type {any} */ row) => row.createdBy ?? 'configuration file' },
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
    ${revoking && html`<${RevokeCredential} kind=${kind} base=${base} row=${revoking} onClose=${() => setRevoking(undefined)} onRevoked=${reload} />`}
  </section>`
}
