import { useEffect, useRef, useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { useResource } from '../resource.js'
import { AddAppForm } from './add-app.js'
import { Apps } from './apps.js'
import { KeysStep } from './setup-keys.js'
import { PlanStep } from './setup-plan.js'
import { Permissions } from './verification.js'

const STEPS = [
  { id: 'plan', name: 'Plan and templates' },
  { id: 'keys', name: 'Role and keys' },
  { id: 'verify', name: 'Verify' },
  { id: 'apps', name: 'Sites and apps' },
]

/**
 * From nothing to encrypted apps, in steps that can be taken again at any time.
 * @param {{ organization: import('../shapes.js').Organization, reload: () => void }} properties
 */
export function Setup({ organization, reload }) {
  const { permissions } = useSession()
  const steps = STEPS.filter(({ id }) => {
    if (id === 'keys') return permissions.may('byok.put') || organization.byokConfigured
    if (id === 'verify') return permissions.may('byok.verify')
    return id !== 'apps' || permissions.may('app.add')
  })
  const [step, setStep] = useState('plan')
  const content = useFocusOnChange(step)
  const index = Math.max(
    0,
    steps.findIndex(({ id }) => id === step),
  )
  const next = steps[index + 1]
  const previous = steps[index - 1]
  const ready = step === 'plan' || organization.byokConfigured
  return html`
    <h1 tabindex="-1">Setup</h1>
    <ol class="steps">
      ${steps.map(
        ({ id, name }, each) =>
          html`<li key=${id}>
            <button
              type="button"
              aria-current=${id === step ? 'step' : undefined}
              onClick=${() => setStep(id)}
            >
              <span class="step-number" aria-hidden="true">${each + 1}</span>${name}
            </button>
          </li>`,
      )}
    </ol>
    <div ref=${content}><${Step} id=${step} organization=${organization} reload=${reload} /></div>
    <div class="actions actions-wizard">
      ${previous && html`<button type="button" onClick=${() => setStep(previous.id)}>Back</button>`}
      ${next && html`<button type="button" class="primary" disabled=${!ready} onClick=${() => setStep(next.id)}>Next: ${next.name}</button>`}
    </div>
  `
}

/** The first heading of new content gets the focus, since the button that led there may be gone. @param {string} key */
function useFocusOnChange(key) {
  const content = useRef(/** @type {HTMLElement | null} */ (null))
  const shown = useRef(key)
  useEffect(() => {
    if (shown.current === key) return
    shown.current = key
    const heading = content.current?.querySelector('h2')
    if (!heading) return
    heading.tabIndex = -1
    heading.focus()
  }, [key])
  return content
}

/** @param {{ id: string, organization: import('../shapes.js').Organization, reload: () => void }} properties */
function Step({ id, organization, reload }) {
  switch (id) {
    case 'keys':
      return html`<${KeysStep} organization=${organization} reload=${reload} />`
    case 'verify':
      return organization.byokConfigured
        ? html`<${Permissions} organization=${organization} />`
        : html`<p class="note">Give the role and the keys first.</p>`
    case 'apps':
      return html`<${AppsStep} organization=${organization} />`
    default:
      return html`<${PlanStep} organization=${organization} />`
  }
}

/** @param {{ organization: import('../shapes.js').Organization }} properties */
function AppsStep({ organization }) {
  const [added, setAdded] = useState(0)
  const { value, reload } = useResource(organizationPath`${organization.id}/sites?limit=500`)
  return html`
    <section aria-labelledby="add-app">
      <h2 id="add-app">Add an app</h2>
      <div class="narrow">
        <${AddAppForm}
          organization=${organization}
          sites=${value?.items ?? []}
          onAdded=${() => {
            reload()
            setAdded((count) => count + 1)
          }}
        />
      </div>
    </section>
    <${Apps} organization=${organization} stateKey=${added === 0 ? '' : `added ${added}`} />
  `
}
