import { useEffect, useRef } from 'preact/hooks'
import { organizationPath } from './api.js'
import { useSession } from './context.js'
import { html } from './html.js'
import { Mark } from './parts/mark.js'
import { ProblemNote } from './parts/problem-note.js'
import { useResource } from './resource.js'
import { hrefOf, usePlace } from './route.js'
import { Audit } from './views/audit.js'
import { Credentials } from './views/credentials.js'
import { Jobs } from './views/jobs.js'
import { Organizations } from './views/organizations.js'
import { Overview } from './views/overview.js'
import { Setup } from './views/setup.js'
import { Sites } from './views/sites.js'
import { Verification } from './views/verification.js'

/**
 * The views of one organization in the order of the navigation.
 * @type {readonly { view: string, name: string, operation: import('./shapes.js').OperationId, part: any }[]}
 */
const VIEWS = [
  { view: '', name: 'Overview', operation: 'organization.get', part: Overview },
  { view: 'sites', name: 'Sites and apps', operation: 'site.list', part: Sites },
  { view: 'verification', name: 'Verification', operation: 'byok.status', part: Verification },
  { view: 'keys', name: 'Keys and jobs', operation: 'key.list', part: Jobs },
  { view: 'credentials', name: 'Credentials', operation: 'token.list', part: Credentials },
  { view: 'audit', name: 'Audit trail', operation: 'audit.list', part: Audit },
  { view: 'setup', name: 'Setup', operation: 'byok.plan', part: Setup },
]

/** Header, navigation and the present view. */
export function Shell() {
  const { identity, permissions, signOut } = useSession()
  const place = usePlace()
  const organizationId = identity.organization ?? place.organization
  const views = VIEWS.filter(({ operation }) => permissions.may(operation))
  const current = views.find(({ view }) => view === place.view) ?? views[0]
  const main = useRef(/** @type {HTMLElement | null} */ (null))
  useTitleAndFocus(organizationId, current?.name, place, main)

  return html`
    <a class="skip" href="#content" onClick=${(/** @type {Event} */ event) => focusMain(event, main)}
      >Skip to content</a
    >
    <header class="bar">
      <a class="brand" href=${hrefOf(identity.organization)}><${Mark} />Portcullis</a>
      <span class="trail">Security<span aria-hidden="true">/</span><strong>BYOK encryption</strong></span>
      ${identity.organization === null && organizationId !== null && html`<${OrganizationSwitch} id=${organizationId} view=${place.view} />`}
      <span class="who"
        ><span class="who-name">${identity.name}</span> <span class="role">${identity.role}</span></span
      >
      <button type="button" class="quiet" onClick=${signOut}>Sign out</button>
    </header>
    <div class="frame">
      ${organizationId !== null && html`<${Navigation} views=${views} current=${current} organizationId=${organizationId} />`}
      <main id="content" tabindex="-1" ref=${main}>
        ${
          organizationId === null
            ? html`<${Organizations} />`
            : current &&
              html`<${OrganizationView} key=${organizationId} id=${organizationId} view=${current.part} />`
        }
      </main>
    </div>
  `
}

/** @param {{ views: typeof VIEWS, current: typeof VIEWS[number] | undefined, organizationId: string }} properties */
function Navigation({ views, current, organizationId }) {
  return html`<nav aria-label="BYOK encryption">
    <p class="nav-title">${organizationId}</p>
    <ul>
      ${views.map(
        ({ view, name }) =>
          html`<li key=${view}>
            <a
              href=${hrefOf(organizationId, view)}
              aria-current=${view === current?.view ? 'page' : undefined}
              >${name}</a
            >
          </li>`,
      )}
    </ul>
  </nav>`
}

/** Reads the organization once for all views, and keeps it fresh. @param {{ id: string, view: any }} properties */
function OrganizationView({ id, view }) {
  const { value, problem, reload } = useResource(organizationPath`${id}`, {
    everyMs: 2_000,
  })
  if (value === undefined) {
    return problem
      ? html`<h1 tabindex="-1">${id}</h1>
          <${ProblemNote} problem=${problem} />`
      : html`<p class="waiting">Reading …</p>`
  }
  return html`
    ${problem && html`<${ProblemNote} problem=${problem} title="What is shown may be out of date" />`}
    <${view} organization=${value} reload=${reload} />
  `
}

/** @param {{ id: string, view: string }} properties */
function OrganizationSwitch({ id, view }) {
  const { value } = useResource('admin/v1/organizations?limit=500')
  const ids = value?.items.map((/** @type {{ id: string }} */ item) => item.id) ?? [id]
  const go = (/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => {
    location.hash = hrefOf(event.currentTarget.value || null, view)
  }
  return html`<label class="switch"
    ><span class="visually-hidden">Organization</span>
    <select value=${id} onChange=${go}>
      <option value="">All organizations</option>
      ${ids.map((/** @type {string} */ each) => html`<option key=${each} value=${each}>${each}</option>`)}
    </select>
  </label>`
}

/**
 * A new place has its name in the title, and the focus on its heading.
 * @param {string | null} organizationId @param {string | undefined} name
 * @param {import('./route.js').Place} place @param {{ current: HTMLElement | null }} main
 */
function useTitleAndFocus(organizationId, name, place, main) {
  const first = useRef(true)
  useEffect(() => {
    const parts = organizationId === null ? ['Organizations'] : [name, organizationId]
    document.title = [...parts, 'BYOK encryption', 'Portcullis'].join(' · ')
    if (!first.current) (main.current?.querySelector('h1') ?? main.current)?.focus()
    first.current = false
  }, [organizationId, name, place.view, main])
}

/** @param {Event} event @param {{ current: HTMLElement | null }} main */
function focusMain(event, main) {
  event.preventDefault()
  main.current?.focus()
}
