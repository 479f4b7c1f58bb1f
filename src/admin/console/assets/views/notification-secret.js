import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction } from '../resource.js'

/**
 * What the templates take as NotificationSecret; shown when it is asked for.
 * @param {{ organization: import('../shapes.js').Organization }} properties
 */
export function NotificationSecret({ organization }) {
  const { api } = useSession()
  const action = useAction(() =>
    api.send('POST', organizationPath`${organization.id}/byok/notification-secret`),
  )
  return html`<section aria-labelledby="notifications">
    <h2 id="notifications">Instant notifications</h2>
    <p class="hint">
      With them a revocation takes effect in well under a second; without, it is found by polling within the
      bound. EventBridge in your account proves itself by a secret, which the templates take as${' '}
      <code>NotificationSecret</code>.
    </p>
    <${ProblemNote} problem=${action.problem} />
    ${
      action.result
        ? html`<dl class="facts">
            <div>
              <dt>NotificationSecret</dt>
              <dd><${Copyable} text=${action.result.secret} label="NotificationSecret" /></dd>
            </div>
            <div>
              <dt>Endpoint</dt>
              <dd>
                ${action.result.endpoint ? html`<code>${action.result.endpoint}</code>` : 'ask the operator'}
              </dd>
            </div>
          </dl>`
        : html`<button type="button" disabled=${action.running} onClick=${() => action.run()}>
            Show the secret
          </button>`
    }
  </section>`
}
