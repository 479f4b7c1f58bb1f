import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { counted } from '../format.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction } from '../resource.js'

/**
 * Asks for the organization's id: a suspension stops every user of it at once.
 * @param {{ organization: import('../shapes.js').Organization, onClose: () => void, reload: () => void }} properties
 */
export function SuspendDialog({ organization, onClose, reload }) {
  const { api } = useSession()
  const [typed, setTyped] = useState('')
  const action = useAction(async () => {
    await api.send('POST', organizationPath`${organization.id}/suspensions`)
    announce(`${organization.id} is suspended`)
    reload()
    onClose()
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    if (typed === organization.id) void action.run()
  }
  return html`<${Dialog} title=${`Suspend ${organization.id}?`} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>
        ${counted(organization.apps.byok, 'BYOK app')} will answer 423 Locked to everyone, running requests
        are cut and keys are wiped from memory, until an operator lifts it. Nothing stored is lost.
        ${organization.apps.vendorManaged > 0 && ` ${counted(organization.apps.vendorManaged, 'vendor-managed app')} will go on.`}
      </p>
      <${Field} label=${`Type ${organization.id} to confirm`} value=${typed} onInput=${setTyped} />
      <${ProblemNote} problem=${action.problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="danger" disabled=${typed !== organization.id || action.running}>
          Suspend
        </button>
      </div>
    </form>
  <//>`
}

/**
 * @param {{ organization: import('../shapes.js').Organization, suspension: import('../shapes.js').Suspension,
 *   onClose: () => void, reload: () => void }} properties
 */
export function LiftDialog({ organization, suspension, onClose, reload }) {
  const { api } = useSession()
  const action = useAction(async () => {
    await api.send('DELETE', organizationPath`${organization.id}/suspensions/${suspension.id}`)
    announce('The suspension is lifted')
    reload()
    onClose()
  })
  return html`<${Dialog} title="Lift the suspension?" onClose=${onClose}>
    <p>
      The BYOK apps of ${organization.id} are served again as soon as a verification with AWS succeeds. A
      denial by the customer stays in force.
    </p>
    <${ProblemNote} problem=${action.problem} />
    <div class="actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="primary" disabled=${action.running} onClick=${() => action.run()}>
        Lift
      </button>
    </div>
  <//>`
}
