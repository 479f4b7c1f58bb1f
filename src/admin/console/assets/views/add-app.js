import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName } from '../format.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { Choice, Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction } from '../resource.js'
import { hostsIn } from './site-hosts.js'

const NEW_SITE = ''

/**
 * Adds one app to a site, or to a new one.
 * @param {{ organization: import('../shapes.js').Organization, sites: import('../shapes.js').Site[],
 *   onClose: () => void, onAdded: () => void }} properties
 */
export function AddApp({ organization, sites, onClose, onAdded }) {
  return html`<${Dialog} title="Add an app" onClose=${onClose}>
    <${AddAppForm}
      organization=${organization}
      sites=${sites}
      onCancel=${onClose}
      onAdded=${() => {
        onAdded()
        onClose()
      }}
    />
  <//>`
}

/**
 * @param {{ organization: import('../shapes.js').Organization, sites: import('../shapes.js').Site[],
 *   onCancel?: () => void, onAdded: () => void }} properties
 */
export function AddAppForm({ organization, sites, onCancel, onAdded }) {
  const { api, permissions } = useSession()
  const open = sites.filter(({ managedBy }) => managedBy === 'api')
  const [site, setSite] = useState(NEW_SITE)
  const [siteName, setSiteName] = useState('')
  const [hosts, setHosts] = useState('')
  const [type, setType] = useState('jira')
  const [encryption, setEncryption] = useState(organization.byokConfigured ? 'byok' : 'vendor-managed')
  const action = useAction(async () => {
    const app = { type, byok: encryption === 'byok' }
    if (site === NEW_SITE)
      await api.send('POST', organizationPath`${organization.id}/sites`, {
        name: siteName,
        hosts: hostsIn(hosts),
        apps: [app],
      })
    else await api.send('POST', organizationPath`${organization.id}/sites/${site}/apps`, app)
    announce(`${appName(type)} was added`)
    setSiteName('')
    setHosts('')
    onAdded()
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  const choices = [
    ...open.map(({ name }) => ({ value: name, name })),
    ...(permissions.may('site.create') ? [{ value: NEW_SITE, name: 'A new site …' }] : []),
  ]
  return html`<form onSubmit=${submit}>
    <${Choice} label="Site" value=${site} onChange=${setSite} options=${choices} />
    ${
      site === NEW_SITE &&
      html`<${Field}
          label="Name of the new site"
          value=${siteName}
          onInput=${setSiteName}
          required
          hint="Lower-case letters, digits and hyphens; unique among all organizations."
        /><${Field}
          label="Its host names (optional)"
          value=${hosts}
          onInput=${setHosts}
          hint="Between spaces; a request to one of them is for this site without naming it."
        />`
    }
    <${Choice}
      label="App"
      value=${type}
      onChange=${setType}
      options=${['jira', 'jira-service-management', 'confluence'].map((value) => ({ value, name: appName(value) }))}
    />
    <fieldset>
      <legend>Encrypted under</legend>
      ${[
        {
          value: 'byok',
          name: `BYOK: the organization’s own key${organization.byokConfigured ? '' : ' (to be set up first)'}`,
          disabled: !organization.byokConfigured,
        },
        { value: 'vendor-managed', name: 'Vendor-managed: a key of the vendor', disabled: false },
      ].map(
        (choice) =>
          html`<label class="check" key=${choice.value}
            ><input
              type="radio"
              name="encryption"
              value=${choice.value}
              disabled=${choice.disabled}
              checked=${encryption === choice.value}
              onChange=${() => setEncryption(choice.value)}
            />${' '}${choice.name}</label
          >`,
      )}
      <p class="hint">
        Decided now for good: an app cannot be converted later. Jira and Jira Service Management of one site
        share the setting.
      </p>
    </fieldset>
    <${ProblemNote} problem=${action.problem} />
    <div class="actions">
      ${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}
      <button type="submit" class="primary" disabled=${action.running}>Add the app</button>
    </div>
  </form>`
}
