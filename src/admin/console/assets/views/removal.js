import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction, useResource } from '../resource.js'

/**
 * Takes something away after its name was typed, and only what was shown: if it has changed since, the dialog says so
 * and shows it anew.
 * @param {{ verb: string, name: string, path: string, consequence: string, onClose: () => void,
 *   onRemoved: () => void }} properties
 */
export function Removal({ verb, name, path, consequence, onClose, onRemoved }) {
  const { api } = useSession()
  const [typed, setTyped] = useState('')
  const shown = useResource(path)
  const action = useAction(async () => {
    try {
      await api.send('DELETE', path, undefined, shown.etag)
    } catch (error) {
      shown.reload()
      throw error
    }
    announce(`${name}: ${verb.toLowerCase()}d`)
    onRemoved()
    onClose()
  })
  const ready = typed === name && shown.value !== undefined && !action.running
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    if (ready) void action.run()
  }
  return html`<${Dialog} title=${`${verb} ${name}?`} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${consequence}</p>
      <${Field} label=${`Type ${name} to confirm`} value=${typed} onInput=${setTyped} />
      <${ProblemNote} problem=${action.problem ?? shown.problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="danger" disabled=${!ready}>${verb}</button>
      </div>
    </form>
  <//>`
}
