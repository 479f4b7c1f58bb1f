import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction, useResource } from '../resource.js'

/** Host names as they are typed: between spaces or commas. @param {string} text @returns {string[]} */
export const hostsIn = (text) => text.split(/[\s,]+/).filter((host) => host !== '')

/**
 * Changes the host names that select a site, unless they have changed since they were shown.
 * @param {{ site: import('../shapes.js').Site, path: string, onClose: () => void, onChanged: () => void }} properties
 */
export function SiteHosts({ site, path, onClose, onChanged }) {
  const { api } = useSession()
  const shown = useResource(path)
  const [typed, setTyped] = useState(/** @type {string | undefined} */ (undefined))
  const present = /** @type {import('../shapes.js').Site | undefined} */ (shown.value)
  const text = typed ?? (present ?? site).hosts.join(' ')
  const action = useAction(async () => {
    try {
      await api.send('PATCH', path, { hosts: hostsIn(text) }, shown.etag)
    } catch (error) {
      shown.reload()
      throw error
    }
    announce(`The hosts of ${site.name} are changed`)
    onChanged()
    onClose()
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  return html`<${Dialog} title=${`Hosts of ${site.name}`} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field}
        label="Host names"
        value=${text}
        onInput=${setTyped}
        hint="Between spaces. A request to one of them is for this site without naming it. The name of the site itself never changes, since it binds every ciphertext: for another one, create a site and move the data there."
      />
      <${ProblemNote} problem=${action.problem ?? shown.problem} />
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="primary" disabled=${action.running || present === undefined}>
          Save
        </button>
      </div>
    </form>
  <//>`
}
