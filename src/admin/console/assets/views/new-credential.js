import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { Dialog } from '../parts/dialog.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction } from '../resource.js'

/**
 * Makes a credential and shows its secret, this once.
 * @param {{ organization: import('../shapes.js').Organization, kind: import('./credential-kinds.js').Kind, base: string,
 *   onClose: () => void, onMade: () => void }} properties
 */
export function NewCredential({ organization, kind, base, onClose, onMade }) {
  const { api } = useSession()
  const [name, setName] = useState('')
  const [scope, setScope] = useState(/** @type {Record<string, unknown> | undefined} */ (undefined))
  const [expiry, setExpiry] = useState('')
  const action = useAction(async () => {
    const made = await api.send('POST', base, { name, ...scope, ...expiryOf(expiry) })
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
      <${kind.Scope} organization=${organization} onScope=${setScope} />
      <${Field}
        label="Expires (UTC, optional)"
        type="datetime-local"
        value=${expiry}
        onInput=${setExpiry}
        hint="Refused from then on; never when empty."
      />
      <${ProblemNote} problem=${action.problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${action.running || scope === undefined}>Make</button>
      </div>
    </form>
  <//>`
}

/** @param {{ kind: import('./credential-kinds.js').Kind, made: any, onClose: () => void }} properties */
function Made({ kind, made, onClose }) {
  const secret = made.secretAccessKey ?? made.token
  return html`<${Dialog} title=${`${made.name} was made`} onClose=${onClose}>
    ${
      secret
        ? html`<p><strong>The secret is shown only now.</strong> Keep it where only its user can read it.</p>`
        : html`<p>They sign in with the identity provider, as <code>${made.subject}</code>.</p>`
    }
    <dl class="facts">
      ${
        made.accessKeyId &&
        html`<div>
          <dt>Access key ID</dt>
          <dd><${Copyable} text=${made.accessKeyId} label="access key ID" /></dd>
        </div>`
      }
      ${
        secret &&
        html`<div>
          <dt>${made.accessKeyId ? 'Secret access key' : 'Token'}</dt>
          <dd><${Copyable} text=${secret} label=${`secret of the ${kind.one}`} /></dd>
        </div>`
      }
    </dl>
    <div class="actions"><button type="button" class="primary" onClick=${onClose}>Done</button></div>
  <//>`
}

/** The field has no zone: what is typed is UTC. @param {string} typed */
function expiryOf(typed) {
  return typed === '' ? {} : { expiresAt: new Date(`${typed}Z`).toISOString() }
}
