import { useEffect, useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName } from '../format.js'
import { html } from '../html.js'
import { FileNote } from '../parts/file-note.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useResource } from '../resource.js'
import { Apps } from './apps.js'
import { Removal } from './removal.js'
import { SiteHosts } from './site-hosts.js'

/** Sites with what can be changed about them, and their apps. @param {{ organization: import('../shapes.js').Organization, reload: () => void }} properties */
export function Sites({ organization, reload }) {
  const [changes, setChanges] = useState(0)
  const changed = () => {
    setChanges((count) => count + 1)
    reload()
  }
  return html`
    <h1 tabindex="-1">Sites and apps</h1>
    <${FileNote} organization=${organization} />
    <${Apps} organization=${organization} stateKey=${`changes ${changes}`} onChanged=${changed} changeable />
    <${SiteList} organization=${organization} changes=${changes} onChanged=${changed} />
  `
}

/** @param {{ organization: import('../shapes.js').Organization, changes: number, onChanged: () => void }} properties */
function SiteList({ organization, changes, onChanged }) {
  const { permissions } = useSession()
  const [asking, setAsking] = useState(
    /** @type {{ what: 'hosts' | 'remove', site: import('../shapes.js').Site } | undefined} */ (undefined),
  )
  const base = organizationPath`${organization.id}/sites`
  const { value, problem, reload } = useResource(`${base}?limit=500`, { everyMs: 15_000 })
  useEffect(() => {
    if (changes > 0) reload()
  }, [changes, reload])
  const close = () => setAsking(undefined)
  const pathOf = (/** @type {import('../shapes.js').Site} */ site) =>
    `${base}/${encodeURIComponent(site.name)}`
  const actions = {
    name: 'Actions',
    cell: (/** @type {import('../shapes.js').Site} */ site) =>
      html`<span class="row-actions"
        ><button
          type="button"
          aria-label=${`Hosts of ${site.name} …`}
          onClick=${() => setAsking({ what: 'hosts', site })}
        >
          Hosts …</button
        ><button
          type="button"
          aria-label=${`Remove site ${site.name} …`}
          onClick=${() => setAsking({ what: 'remove', site })}
        >
          Remove …
        </button></span
      >`,
  }
  const changeable = organization.managedBy === 'api' && permissions.may('site.change')
  return html`<section aria-labelledby="sites">
    <h2 id="sites">Sites</h2>
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption="Sites"
        rows=${value.items}
        empty="No site yet: the first comes with its first app."
        keyOf=${(/** @type {any} */ row) => row.name}
        columns=${[
          { name: 'Site', header: true, cell: (/** @type {any} */ row) => row.name },
          {
            name: 'Hosts',
            cell: (/** @type {any} */ row) =>
              row.hosts.length === 0 ? html`<span class="faint">none</span>` : row.hosts.join(', '),
          },
          {
            name: 'Apps',
            cell: (/** @type {any} */ row) =>
              row.apps.length === 0
                ? html`<span class="faint">none</span>`
                : row.apps.map((/** @type {any} */ app) => appName(app.type)).join(', '),
          },
          {
            name: 'Added (UTC)',
            cell: (/** @type {any} */ row) => html`<${Time} at=${row.createdAt} none="–" />`,
          },
          ...(changeable ? [actions] : []),
        ]}
      />`
    }
    ${asking?.what === 'hosts' && html`<${SiteHosts} site=${asking.site} path=${pathOf(asking.site)} onClose=${close} onChanged=${onChanged} />`}
    ${
      asking?.what === 'remove' &&
      html`<${Removal}
        verb="Remove"
        name=${asking.site.name}
        path=${pathOf(asking.site)}
        consequence="Requests for this site are refused from then on. Its apps go first. Its name stays reserved for the organization."
        onClose=${close}
        onRemoved=${onChanged}
      />`
    }
  </section>`
}
