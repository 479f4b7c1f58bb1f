import { announce } from '../announce.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Dialog } from '../parts/dialog.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction } from '../resource.js'

/**
 * Asks before it takes a credential away.
 * @param {{ kind: import('./credentials.js').Kind, base: string, row: any, onClose: () => void,
 *   onRevoked: () => void }} properties
 */
export function RevokeCredential({ kind, base, row, onClose, onRevoked }) {
  const { api } = useSession()
  const action = useAction(async () => {
    await api.send('DELETE', `${base}/${encodeURIComponent(kind.idOf(row))}`)
    announce(`${row.name} was revoked`)
    onRevoked()
    onClose()
  })
  return html`<${Dialog} title=${`Revoke ${row.name}?`} onClose=${onClose}>
    <p>Whoever uses it is refused on every replica from then on. It cannot be brought back.</p>
    <${ProblemNote} problem=${action.problem} />
    <div class="actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="danger" disabled=${action.running} onClick=${() => action.run()}>
        Revoke
      </button>
    </div>
  <//>`
}
