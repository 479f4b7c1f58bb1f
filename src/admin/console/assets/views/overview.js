import { useEffect, useRef } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { reasonName, stateName } from '../format.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useResource } from '../resource.js'
import { hrefOf } from '../route.js'
import { AccessBanner } from './access-banner.js'
import { Apps } from './apps.js'
import { RootKeys } from './root-keys.js'
import { Suspensions } from './suspensions.js'

/**
 * State, keys, apps and suspensions of an organization.
 * @param {{ organization: import('../shapes.js').Organization, reload: () => void }} properties
 */
export function Overview({ organization, reload }) {
  const { permissions } = useSession()
  const { id, access } = organization
  const stateKey = access === null ? '' : `${access.state} ${access.suspension?.id ?? ''}`
  useAnnouncedState(access)
  const listed = useResource(
    organization.byokConfigured && permissions.may('suspension.list')
      ? organizationPath`${id}/suspensions?limit=100`
      : null,
    { everyMs: 5_000 },
  )
  const { reload: relist } = listed
  useEffect(() => {
    if (stateKey !== '') relist()
  }, [stateKey, relist])
  return html`
    <h1 tabindex="-1">BYOK encryption</h1>
    ${
      organization.byokConfigured
        ? html`<${Configured} organization=${organization} reload=${reload} />`
        : html`<div class="note">
            <p>
              <strong>No BYOK configuration yet.</strong> This organization’s apps are encrypted under keys
              that the vendor manages, until it brings its own.
            </p>
            ${permissions.may('byok.plan') && html`<p><a class="button primary" href=${hrefOf(id, 'setup')}>Set up BYOK encryption</a></p>`}
          </div>`
    }
    <${Apps} organization=${organization} stateKey=${stateKey} suspensions=${listed.value?.items ?? []} />
    <${ProblemNote} problem=${listed.problem} />
    ${listed.value && html`<${Suspensions} organizationId=${id} suspensions=${listed.value.items} readAt=${listed.readAt} />`}
  `
}

/** @param {{ organization: import('../shapes.js').Organization, reload: () => void }} properties */
function Configured({ organization, reload }) {
  const { value: byok, problem } = useResource(organizationPath`${organization.id}/byok`, {
    everyMs: 2_000,
  })
  if (byok === undefined)
    return problem ? html`<${ProblemNote} problem=${problem} />` : html`<p class="waiting">Reading …</p>`
  return html`
    <${AccessBanner} organization=${organization} byok=${byok} reload=${reload} />
    <dl class="facts">
      <div>
        <dt>Location</dt>
        <dd>
          ${organization.locationName}${' '}
          <span class="faint">${organization.regions.join(', ')}; never changes</span>
        </dd>
      </div>
      <div>
        <dt>AWS account</dt>
        <dd><${Copyable} text=${byok.accountId} label="AWS account ID" /></dd>
      </div>
      <div>
        <dt>Role</dt>
        <dd><${Copyable} text=${byok.roleArn} label="role ARN" /></dd>
      </div>
      <div>
        <dt>ExternalId</dt>
        <dd><${Copyable} text=${byok.externalId} label="ExternalId" /></dd>
      </div>
    </dl>
    <${RootKeys} byok=${byok} />
  `
}

/** Tells screen readers of changes, never of what is there at first. @param {import('../shapes.js').Access} access */
function useAnnouncedState(access) {
  const before = useRef(/** @type {string | undefined} */ (undefined))
  const suspension = access?.suspension ?? null
  const text =
    access === null
      ? ''
      : suspension === null
        ? stateName(access.state)
        : `Suspended: ${reasonName(suspension.reason)}${suspension.region === null ? '' : ` in ${suspension.region}`}`
  useEffect(() => {
    if (before.current !== undefined && before.current !== text) announce(text)
    before.current = text
  }, [text])
}
