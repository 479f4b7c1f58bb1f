import { useState } from 'preact/hooks'
import { useSession } from '../context.js'
import { counted } from '../format.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { Choice, Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { StateMark } from '../parts/state-mark.js'
import { Table } from '../parts/table.js'
import { useAction, useResource } from '../resource.js'
import { hrefOf } from '../route.js'

/** Every organization, for those who see more than one. */
export function Organizations() {
  const { permissions } = useSession()
  const [creating, setCreating] = useState(false)
  const { value, problem } = useResource('admin/v1/organizations?limit=500', { everyMs: 5_000 })
  return html`
    <div class="section-head">
      <h1 tabindex="-1">Organizations</h1>
      ${permissions.may('organization.create') && html`<button type="button" class="primary" onClick=${() => setCreating(true)}>New organization …</button>`}
    </div>
    <${ProblemNote} problem=${problem} />
    ${
      value &&
      html`<${Table}
        caption="Organizations"
        rows=${value.items}
        empty="No organization yet."
        keyOf=${(/** @type {any} */ row) => row.id}
        columns=${[
          {
            name: 'Organization',
            header: true,
            cell: (/** @type {any} */ row) => html`<a href=${hrefOf(row.id)}>${row.id}</a>`,
          },
          { name: 'Name', cell: (/** @type {any} */ row) => row.name ?? html`<span class="faint">–</span>` },
          { name: 'Location', cell: (/** @type {any} */ row) => row.locationName },
          {
            name: 'Access to the keys',
            cell: (/** @type {any} */ row) =>
              row.access
                ? html`<${StateMark} state=${row.access.state} />`
                : html`<span class="faint">no BYOK configuration</span>`,
          },
          { name: 'BYOK apps', kind: 'right', cell: (/** @type {any} */ row) => row.apps.byok },
          {
            name: 'Vendor-managed apps',
            kind: 'right',
            cell: (/** @type {any} */ row) => row.apps.vendorManaged,
          },
          { name: 'Sites', kind: 'right', cell: (/** @type {any} */ row) => row.sites },
        ]}
      />`
    }
    ${value?.next && html`<p class="hint">The first ${counted(value.items.length, 'organization')} are shown; the address of another is <code>#/</code> and its id.</p>`}
    ${creating && html`<${NewOrganization} onClose=${() => setCreating(false)} />`}
  `
}

/** @param {{ onClose: () => void }} properties */
function NewOrganization({ onClose }) {
  const { api } = useSession()
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [place, setPlace] = useState('')
  const { value: locations, problem } = useResource('admin/v1/locations')
  const action = useAction(async () => {
    await api.send('POST', 'admin/v1/organizations', {
      id,
      location: place,
      ...(name === '' ? {} : { name }),
    })
    onClose()
    location.hash = hrefOf(id, 'setup')
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  const options = [
    { value: '', name: 'Choose …' },
    ...(locations?.items ?? []).map((/** @type {any} */ each) => ({
      value: each.id,
      name: `${each.name} (${each.regions.join(', ')})`,
    })),
  ]
  return html`<${Dialog} title="New organization" onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field}
        label="Identifier"
        value=${id}
        onInput=${setId}
        required
        hint="Lower-case letters, digits and hyphens. Binds every ciphertext; never changes."
      />
      <${Field} label="Name (optional)" value=${name} onInput=${setName} />
      <${Choice}
        label="Data residency location"
        value=${place}
        onChange=${setPlace}
        options=${options}
        required
        hint="Where keys and app data live; never changes."
      />
      <${ProblemNote} problem=${action.problem ?? problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${action.running}>Create</button>
      </div>
    </form>
  <//>`
}
