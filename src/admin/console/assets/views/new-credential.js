import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName } from '../format.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { Dialog } from '../parts/dialog.js'
import { Choice, Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction, useResource } from '../resource.js'

/**
 * Makes a credential and shows its secret, this once.
 * @param {{ organization: import('../shapes.js').Organization, kind: import('./credentials.js').Kind, base: string,
 *   onClose: () => void, onMade: () => void }} properties
 */
export function NewCredential({ organization, kind, base, onClose, onMade }) {
  const { api } = useSession()
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState('')
  const sites = useResource(organizationPath`${organization.id}/sites?limit=500`)
  const choices = choicesOf(sites.value?.items ?? [], kind)
  const choice = choices.find(({ value }) => value === chosen) ?? choices[0]
  const action = useAction(async () => {
    const made = await api.send('POST', base, { name, ...choice?.body })
    announce(`The ${kind.one} was made`)
    onMade()
    return made
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  if (action.result !== undefined)
    return html`<${Made} kind=${kind} made=${action.result} onClose=${onClose} />`
  return html`<${Dialog} title=${`New ${kind.one}`} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field}
        label="Name"
        value=${name}
        onInput=${setName}
        required
        maxlength="64"
        hint="It stands for the credential in logs and in the audit trail."
      />
      ${
        choices.length === 0
          ? html`<p class="hint">${sites.value ? 'Add a site with an app first.' : 'Reading …'}</p>`
          : html`<${Choice}
              label="Reaches"
              value=${choice?.value}
              onChange=${setChosen}
              options=${choices}
            />`
      }
      <${ProblemNote} problem=${action.problem ?? sites.problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${action.running || choices.length === 0}>Make</button>
      </div>
    </form>
  <//>`
}

/** @param {{ kind: import('./credentials.js').Kind, made: any, onClose: () => void }} properties */
function Made({ kind, made, onClose }) {
  return html`<${Dialog} title=${`${made.name} was made`} onClose=${onClose}>
    <p><strong>The secret is shown only now.</strong> Keep it where only the app can read it.</p>
    <dl class="facts">
      ${
        made.accessKeyId &&
        html`<div>
          <dt>Access key ID</dt>
          <dd><${Copyable} text=${made.accessKeyId} label="access key ID" /></dd>
        </div>`
      }
      <div>
        <dt>${made.accessKeyId ? 'Secret access key' : 'Token'}</dt>
        <dd>
          <${Copyable} text=${made.secretAccessKey ?? made.token} label=${`secret of the ${kind.one}`} />
        </dd>
      </div>
    </dl>
    <div class="actions"><button type="button" class="primary" onClick=${onClose}>Done</button></div>
  <//>`
}

/** @param {readonly import('../shapes.js').Site[]} sites @param {import('./credentials.js').Kind} kind */
function choicesOf(sites, kind) {
  if (kind.path === 'tokens') return sites.map(({ name }) => ({ value: name, name, body: { sites: [name] } }))
  return sites.flatMap(({ name: site, apps }) =>
    apps.map(({ type: app, encryption }) => ({
      value: `${site}/${app}`,
      name: `${appName(app)} on ${site}${encryption === 'byok' ? '' : ' (vendor-managed)'}`,
      body: { site, app },
    })),
  )
}
