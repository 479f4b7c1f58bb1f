import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { appName, counted, duration } from '../format.js'
import { html } from '../html.js'
import { ProblemNote } from '../parts/problem-note.js'
import { StateMark } from '../parts/state-mark.js'
import { Time } from '../parts/time.js'
import { useAction, useResource } from '../resource.js'
import { VerificationResult } from './verification-result.js'

/**
 * What would stop if access were revoked now, and whether every permission is there. Changes nothing.
 * @param {{ organization: import('../shapes.js').Organization }} properties
 */
export function Verification({ organization }) {
  return html`
    <h1 tabindex="-1">Verification</h1>
    ${
      organization.byokConfigured
        ? html`<${DryRun} organization=${organization} /><${Permissions} organization=${organization} />`
        : html`<p class="note">There is nothing to verify before the BYOK configuration is set.</p>`
    }
  `
}

/** @param {{ organization: import('../shapes.js').Organization }} properties */
function DryRun({ organization }) {
  const { value, problem } = useResource(organizationPath`${organization.id}/byok/verification`, {
    everyMs: 5_000,
  })
  if (value === undefined) return html`<${ProblemNote} problem=${problem} />`
  /** @type {import('../shapes.js').ByokStatus} */
  const { access, impact } = value
  return html`<section aria-labelledby="impact">
    <h2 id="impact">If access were revoked now</h2>
    <p>
      ${
        access.state === 'suspended'
          ? 'Access is withdrawn already: what stops has stopped.'
          : `Within ${duration(impact.withinMs)} ${counted(impact.stops.length, 'app')} would answer 423 Locked, and ${counted(impact.transfersCut, 'running request')} would be cut.`
      }
      ${' '}<${StateMark} state=${access.state} />
    </p>
    <div class="columns">
      <${AppNames} title="Stops" apps=${impact.stops} none="No BYOK app." kind="stops" />
      <${AppNames} title="Goes on" apps=${impact.continues} none="No vendor-managed app." kind="continues" />
    </div>
  </section>`
}

/** @param {{ title: string, apps: { site: string, app: string }[], none: string, kind: string }} properties */
function AppNames({ title, apps, none, kind }) {
  return html`<div class=${`impact impact-${kind}`}>
    <h3>${title} <span class="faint">${apps.length}</span></h3>
    ${
      apps.length === 0
        ? html`<p class="faint">${none}</p>`
        : html`<ul>
            ${apps.map(({ site, app }) => html`<li key=${`${site}/${app}`}><strong>${site}</strong> ${appName(app)}</li>`)}
          </ul>`
    }
  </div>`
}

/** @param {{ organization: import('../shapes.js').Organization }} properties */
export function Permissions({ organization }) {
  const { api, permissions } = useSession()
  const action = useAction(async () => {
    announce('Every permission is being tried')
    const report = await api.send('POST', organizationPath`${organization.id}/byok/verification`)
    announce(report.ok ? 'Every permission is there' : counted(report.findings.length, 'finding'))
    return report
  })
  if (!permissions.may('byok.verify')) return null
  return html`<section aria-labelledby="permissions">
    <div class="section-head">
      <h2 id="permissions">Permissions in AWS</h2>
      <button type="button" class="primary" disabled=${action.running} onClick=${() => action.run()}>
        ${action.running ? 'Trying every permission …' : 'Verify now'}
      </button>
      ${action.result && html`<span class="faint">tried <${Time} at=${action.result.at} /> UTC</span>`}
    </div>
    <p class="hint">
      Tries each permission of the role and the keys in each region with real calls, and names the statement
      that is missing. Nothing is changed.
    </p>
    <${ProblemNote} problem=${action.problem} />
    ${action.result && html`<${VerificationResult} report=${action.result} />`}
  </section>`
}
