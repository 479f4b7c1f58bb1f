import { useEffect, useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName, counted, scopeOf } from '../format.js'
import { html } from '../html.js'
import { ProblemNote } from '../parts/problem-note.js'
import { StateMark } from '../parts/state-mark.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useResource } from '../resource.js'
import { AddApp } from './add-app.js'
import { Removal } from './removal.js'

/**
 * Every app of every site, whoever's key it is under.
 * @param {{ organization: import('../shapes.js').Organization, stateKey?: string,
 *   suspensions?: import('../shapes.js').Suspension[], changeable?: boolean, onChanged?: () => void }} properties
 */
export function Apps({ organization, stateKey = '', suspensions = [], changeable = false, onChanged }) {
  const { permissions } = useSession()
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState(
    /** @type {{ site: string, type: string } | undefined} */ (undefined),
  )
  const managedHere = organization.managedBy === 'api'
  const { value, problem, reload } = useResource(organizationPath`${organization.id}/sites?limit=500`, {
    everyMs: 15_000,
  })
  useEffect(() => {
    if (stateKey !== '') reload()
  }, [stateKey, reload])
  const changed = onChanged ?? reload
  const actions = {
    name: 'Action',
    cell: (/** @type {any} */ row) =>
      html`<button
        type="button"
        aria-label=${`Remove ${appName(row.app.type)} from ${row.site} …`}
        onClick=${() => setRemoving({ site: row.site, type: row.app.type })}
      >
        Remove …
      </button>`,
  }
  /** @type {{ site: string, managedBy: string, app: import('../shapes.js').App }[]} */
  const rows = (value?.items ?? []).flatMap((/** @type {import('../shapes.js').Site} */ site) =>
    site.apps.map((app) => ({ site: site.name, managedBy: site.managedBy, app })),
  )
  return html`<section aria-labelledby="apps">
    <div class="section-head">
      <h2 id="apps">Apps</h2>
      <span class="faint">${countsOf(organization)}</span>
      ${managedHere && permissions.may('app.add') && html`<button type="button" onClick=${() => setAdding(true)}>Add an app …</button>`}
    </div>
    ${
      changeable &&
      html`<p class="hint">
        Whose key an app is encrypted under never changes: for the other, add the app to a new site and move
        the data there. Jira Product Discovery is no app of its own: it shares the database of Jira, and so
        its keys and its suspension.
      </p>`
    }
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption="Apps"
        rows=${rows}
        empty="No app yet."
        keyOf=${(/** @type {any} */ row) => `${row.site}/${row.app.type}`}
        columns=${[
          { name: 'Site', header: true, cell: (/** @type {any} */ row) => row.site },
          { name: 'App', cell: (/** @type {any} */ row) => appName(row.app.type) },
          {
            name: 'Encrypted under',
            cell: (/** @type {any} */ row) => html`<${Encryption} app=${row.app} />`,
          },
          {
            name: 'State',
            cell: (/** @type {any} */ row) => html`<${AppState} row=${row} suspensions=${suspensions} />`,
          },
          {
            name: 'If access is revoked',
            cell: (/** @type {any} */ row) => (row.app.byok ? 'Stops' : 'Goes on'),
          },
          {
            name: 'Added (UTC)',
            cell: (/** @type {any} */ row) =>
              html`<${Time}
                at=${row.app.createdAt}
                none=${row.managedBy === 'file' ? 'by configuration file' : '–'}
              />`,
          },
          ...(changeable && managedHere && permissions.may('app.remove') ? [actions] : []),
        ]}
      />`
    }
    ${adding && html`<${AddApp} organization=${organization} sites=${value?.items ?? []} onClose=${() => setAdding(false)} onAdded=${changed} />`}
    ${
      removing &&
      html`<${Removal}
        verb="Remove"
        name=${`${removing.site}/${removing.type}`}
        path=${organizationPath`${organization.id}/sites/${removing.site}/apps/${removing.type}`}
        consequence="Requests for this app are refused from then on. Its keys are kept: adding it again, under the same setting, brings its data back."
        onClose=${() => setRemoving(undefined)}
        onRemoved=${changed}
      />`
    }
  </section>`
}

/** @param {import('../shapes.js').Organization} organization */
function countsOf({ apps, sites }) {
  const byok = counted(apps.byok, 'BYOK app')
  return `${byok}, ${counted(apps.vendorManaged, 'vendor-managed app')} on ${counted(sites, 'site')}`
}

/**
 * The state of its keys, unless a narrower suspension holds for this app or one kind of its data.
 * @param {{ row: { site: string, app: import('../shapes.js').App }, suspensions: import('../shapes.js').Suspension[] }} properties
 */
function AppState({ row: { site, app }, suspensions }) {
  const own = suspensions.filter(({ endedAt, scope }) => {
    const covered = scopeOf(scope)
    return endedAt === null && app.byok && covered.site === site && covered.app === app.type
  })
  if (app.state === 'suspended' || own.length === 0) return html`<${StateMark} state=${app.state} />`
  const classes = own.map(({ scope }) => scopeOf(scope).dataClass)
  if (classes.includes(undefined)) return html`<${StateMark} state="suspended" />`
  return html`<${StateMark} state="suspended" text=${`Suspended: ${classes.join(', ')} data`} />`
}

/** @param {{ app: import('../shapes.js').App }} properties */
function Encryption({ app }) {
  return app.byok
    ? html`<span class="tag tag-byok">BYOK</span> customer’s key`
    : html`<span class="tag">Vendor-managed</span> vendor’s key`
}
