import { useState } from 'preact/hooks'
import { useSession } from '../context.js'
import { counted, duration, reasonName } from '../format.js'
import { html } from '../html.js'
import { StateMark } from '../parts/state-mark.js'
import { Time } from '../parts/time.js'
import { LiftDialog, SuspendDialog } from './operator-suspension.js'

/**
 * Whether the apps are served now, and if not, why; the operator's switch.
 * @param {{ organization: import('../shapes.js').Organization, byok: import('../shapes.js').Byok, reload: () => void }} properties
 */
export function AccessBanner({ organization, byok, reload }) {
  const { permissions } = useSession()
  const [asking, setAsking] = useState(/** @type {'suspend' | 'lift' | undefined} */ (undefined))
  const access = byok.access
  const suspension = access.suspension
  const close = () => setAsking(undefined)
  const byOperator = suspension?.reason === 'operator'
  return html`<section class=${`banner banner-${access.state}`} aria-labelledby="access-state">
    <div class="banner-text">
      <h2 id="access-state">
        <${StateMark}
          state=${access.state}
          text=${suspension ? `Suspended: ${reasonName(suspension.reason)}` : undefined}
        />
      </h2>
      ${suspension ? html`<${SuspensionText} suspension=${suspension} apps=${organization.apps} />` : html`<p>${sentence(byok)}</p>`}
    </div>
    <div class="banner-actions">
      ${!suspension && permissions.may('suspension.place') && html`<button type="button" onClick=${() => setAsking('suspend')}>Suspend …</button>`}
      ${byOperator && permissions.may('suspension.lift') && html`<button type="button" class="primary" onClick=${() => setAsking('lift')}>Lift the suspension …</button>`}
    </div>
    ${asking === 'suspend' && html`<${SuspendDialog} organization=${organization} onClose=${close} reload=${reload} />`}
    ${asking === 'lift' && suspension && html`<${LiftDialog} organization=${organization} suspension=${suspension} onClose=${close} reload=${reload} />`}
  </section>`
}

/** @param {import('../shapes.js').Byok} byok */
function sentence({ access, revocationBoundMs }) {
  const bound = duration(revocationBoundMs)
  switch (access.state) {
    case 'valid':
      return `The keys were really used ${duration(access.leaseAgeMs ?? 0)} ago. Withdrawn access is noticed within ${bound}. ${counted(access.transfers, 'request')} running.`
    case 'grace':
      return 'AWS gives no verdict at present. Cached keys serve for a limited time; this is not a suspension.'
    case 'unavailable':
      return 'AWS gives no verdict and the grace has ended: requests are answered 503 until it does. This is not a suspension.'
    default:
      return `No traffic at present. The next request proves access first; withdrawn access is noticed within ${bound}.`
  }
}

/** @param {{ suspension: import('../shapes.js').Suspension, apps: { byok: number } }} properties */
function SuspensionText({ suspension, apps }) {
  const byOperator = suspension.reason === 'operator'
  return html`
    <p>
      ${counted(apps.byok, 'BYOK app')} ${apps.byok === 1 ? 'answers' : 'answer'} 423 Locked to everyone
      since${' '}
      <${Time} at=${suspension.since} /> UTC.${' '}
      ${
        byOperator
          ? `Placed by ${suspension.by ?? 'an operator'}; it stays until an operator lifts it.`
          : 'It ends by itself as soon as AWS grants access again.'
      }
    </p>
    <dl class="evidence">
      ${
        suspension.region &&
        html`<div>
          <dt>Region</dt>
          <dd>${suspension.region}</dd>
        </div>`
      }
      ${
        suspension.awsError &&
        html`<div>
          <dt>AWS error</dt>
          <dd><code>${suspension.awsError}</code></dd>
        </div>`
      }
      ${
        suspension.awsRequestId &&
        html`<div>
          <dt>AWS request</dt>
          <dd><code>${suspension.awsRequestId}</code></dd>
        </div>`
      }
      <div>
        <dt>Suspension</dt>
        <dd><code>${suspension.id}</code></dd>
      </div>
    </dl>
  `
}
