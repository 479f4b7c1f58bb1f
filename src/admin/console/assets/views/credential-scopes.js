import { useEffect, useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { appName } from '../format.js'
import { html } from '../html.js'
import { Choice, Choices, Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useResource } from '../resource.js'

/**
 * Told what was chosen as members of the request, undefined while nothing can be.
 * @typedef {{ organization: import('../shapes.js').Organization,
 *   onScope: (scope: Record<string, unknown> | undefined) => void }} ScopeProperties
 */

/** The sites that a token reaches. @param {ScopeProperties} properties */
export function SitesScope({ organization, onScope }) {
  const { sites, problem } = useSites(organization)
  const [chosen, setChosen] = useState(/** @type {string[] | undefined} */ (undefined))
  const names = sites?.map(({ name }) => name)
  // with one site there is nothing to choose
  const reached = chosen ?? (names?.length === 1 ? names : [])
  const key = reached.join(' ')
  useEffect(() => onScope(reached.length === 0 ? undefined : { sites: reached }), [key, onScope])
  if (names === undefined) return html`<${Waiting} problem=${problem} />`
  if (names.length === 0) return html`<p class="hint">Add a site first.</p>`
  const options = names.map((name) => ({ value: name, name }))
  return html`<${Choices} legend="Reaches" chosen=${reached} onChange=${setChosen} options=${options} />`
}

/** The app whose attachments an access key reaches, and in which buckets. @param {ScopeProperties} properties */
export function AppScope({ organization, onScope }) {
  const { sites, problem } = useSites(organization)
  const [chosen, setChosen] = useState('')
  const [buckets, setBuckets] = useState('')
  const choices = (sites ?? []).flatMap(({ name: site, apps }) =>
    apps.map(({ type: app, encryption }) => ({
      value: `${site}/${app}`,
      name: `${appName(app)} on ${site}${encryption === 'byok' ? '' : ' (vendor-managed)'}`,
      scope: { site, app },
    })),
  )
  const choice = choices.find(({ value }) => value === chosen) ?? choices[0]
  const value = choice?.value
  useEffect(
    () =>
      onScope(choice && { ...choice.scope, buckets: buckets.split(/[\s,]+/).filter((name) => name !== '') }),
    [value, buckets, onScope],
  )
  if (sites === undefined) return html`<${Waiting} problem=${problem} />`
  if (choices.length === 0) return html`<p class="hint">Add a site with an app first.</p>`
  return html`
    <${Choice} label="Reaches" value=${value} onChange=${setChosen} options=${choices} />
    <${Field}
      label="Buckets (optional)"
      value=${buckets}
      onInput=${setBuckets}
      hint="The only ones that it reaches, between spaces; all when there is none."
    />
  `
}

/** What an administrator may do, and who that is. @param {ScopeProperties} properties */
export function RoleScope({ onScope }) {
  const [role, setRole] = useState('org-admin')
  const [subject, setSubject] = useState('')
  useEffect(
    () => onScope({ role, ...(subject.trim() === '' ? {} : { subject: subject.trim() }) }),
    [role, subject, onScope],
  )
  return html`
    <${Choice}
      label="Role"
      value=${role}
      onChange=${setRole}
      options=${[
        { value: 'org-admin', name: 'Administrator: sees and changes the organization' },
        { value: 'auditor', name: 'Auditor: sees it and changes nothing' },
      ]}
    />
    <${Field}
      label="OIDC subject (optional)"
      value=${subject}
      onInput=${setSubject}
      maxlength="255"
      hint="Who signs in with the identity provider. Without one a token is made."
    />
  `
}

/** @param {import('../shapes.js').Organization} organization */
function useSites(organization) {
  const { value, problem } = useResource(organizationPath`${organization.id}/sites?limit=500`)
  return { sites: /** @type {import('../shapes.js').Site[] | undefined} */ (value?.items), problem }
}

/** @param {{ problem: import('../api.js').Problem | undefined }} properties */
function Waiting({ problem }) {
  return problem ? html`<${ProblemNote} problem=${problem} />` : html`<p class="hint">Reading …</p>`
}
