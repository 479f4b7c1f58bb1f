import { html } from '../html.js'

/** Why nothing can be changed here. @param {{ organization: import('../shapes.js').Organization }} properties */
export function FileNote({ organization }) {
  if (organization.managedBy !== 'file') return null
  return html`<p class="note">
    The configuration file manages this organization. Change it there and restart the gateway, or hand the
    organization over with <code>managedBy: api</code>.
  </p>`
}
