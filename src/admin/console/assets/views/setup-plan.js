import { useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { saveFile } from '../parts/download.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { useAction, useResource } from '../resource.js'
import { NotificationSecret } from './notification-secret.js'

/** What is to be made in the customer's AWS account, as files. @param {{ organization: import('../shapes.js').Organization }} properties */
export function PlanStep({ organization }) {
  const { api, permissions } = useSession()
  const [accountId, setAccountId] = useState('')
  const path = organizationPath`${organization.id}/byok/plan`
  // A configured organization's account is known.
  const configured = useResource(organization.byokConfigured ? path : null)
  const action = useAction(() => api.get(`${path}?accountId=${encodeURIComponent(accountId.trim())}`))
  /** @type {import('../shapes.js').ByokPlan | undefined} */
  const plan = action.result ?? configured.value
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  return html`
    <section aria-labelledby="plan">
      <h2 id="plan">What your AWS account will hold</h2>
      <p>
        Location <strong>${organization.locationName}</strong>: one KMS key in${' '}
        ${organization.regions.join(' and ')}, and one role that the gateway assumes. Making a plan changes
        nothing.
      </p>
      ${
        !organization.byokConfigured &&
        html`<form class="inline-form" onSubmit=${submit}>
          <${Field}
            label="AWS account ID"
            value=${accountId}
            onInput=${setAccountId}
            inputmode="numeric"
            required
            hint="12 digits."
          />
          <button type="submit" class="primary" disabled=${action.running}>Make the plan</button>
        </form>`
      }
      <${ProblemNote} problem=${action.problem ?? configured.problem} />
    </section>
    ${plan && html`<${Plan} plan=${plan} />`}
    ${permissions.may('byok.notifications') && html`<${NotificationSecret} organization=${organization} />`}
  `
}

/** @param {{ plan: import('../shapes.js').ByokPlan }} properties */
function Plan({ plan }) {
  const [tool, setTool] = useState('cloudFormation')
  const files = tool === 'cloudFormation' ? plan.cloudFormation : plan.terraform
  return html`
    <section aria-labelledby="templates">
      <div class="section-head">
        <h2 id="templates">Templates</h2>
        <span class="segments" role="group" aria-label="Tool">
          <button
            type="button"
            aria-pressed=${tool === 'cloudFormation'}
            onClick=${() => setTool('cloudFormation')}
          >
            CloudFormation
          </button>
          <button type="button" aria-pressed=${tool === 'terraform'} onClick=${() => setTool('terraform')}>
            Terraform
          </button>
        </span>
      </div>
      <ol class="files">
        ${files.map(
          (file) =>
            html`<li key=${file.fileName}>
              <p>
                <button
                  type="button"
                  class="primary"
                  onClick=${() => saveFile(file.fileName, new Blob([file.text], { type: 'text/plain' }))}
                >
                  Download</button
                >${' '} <code>${file.fileName}</code>${' '}
                ${file.region && html`<span class="faint">${file.region}</span>`}${' '}${file.purpose}
              </p>
              ${file.commands.length > 0 && html`<pre tabindex="0" role="region" aria-label=${`Commands that apply ${file.fileName}`}>${file.commands.join('\n')}</pre>`}
              <details>
                <summary>Show ${file.fileName}</summary>
                <pre tabindex="0" role="region" aria-label=${file.fileName}>${file.text}</pre>
              </details>
            </li>`,
        )}
      </ol>
    </section>
    <section aria-labelledby="plan-steps">
      <h2 id="plan-steps">Steps</h2>
      <ol>
        ${plan.steps.map((text) => html`<li key=${text}>${text}</li>`)}
      </ol>
      ${
        plan.notes.length > 0 &&
        html`<ul class="hint">
          ${plan.notes.map((text) => html`<li key=${text}>${text}</li>`)}
        </ul>`
      }
    </section>
    <section aria-labelledby="plan-permissions">
      <h2 id="plan-permissions">What you grant, and how you take it back</h2>
      <${Table}
        caption="Permissions"
        rows=${plan.permissions}
        keyOf=${(/** @type {any} */ row) => `${row.policy}/${row.sid}`}
        columns=${[
          {
            name: 'Statement',
            header: true,
            cell: (/** @type {any} */ row) =>
              html`<code>${row.sid}</code><br /><span class="faint">${row.policy}</span>`,
          },
          {
            name: 'Actions',
            kind: 'wrapped',
            cell: (/** @type {any} */ row) => html`<code>${row.actions.join(', ')}</code>`,
          },
          { name: 'Why', kind: 'what', cell: (/** @type {any} */ row) => row.why },
          { name: 'Taken back by', kind: 'what', cell: (/** @type {any} */ row) => row.revoke },
        ]}
      />
    </section>
  `
}
