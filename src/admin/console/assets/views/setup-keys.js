import { useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { Copyable } from '../parts/copyable.js'
import { Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction, useResource } from '../resource.js'
import { RootKeys } from './root-keys.js'

/**
 * Where the role and the keys that the customer made are told to the gateway.
 * @param {{ organization: import('../shapes.js').Organization, reload: () => void }} properties
 */
export function KeysStep({ organization, reload }) {
  const { permissions } = useSession()
  const path = organizationPath`${organization.id}/byok`
  const {
    value: byok,
    etag,
    problem,
    reload: reloadByok,
  } = useResource(organization.byokConfigured ? path : null)
  const [done, setDone] = useState(false)
  const changeable =
    permissions.may('byok.put') && (byok === undefined || (byok.replaceable && byok.managedBy === 'api'))
  if (organization.byokConfigured && byok === undefined) return html`<${ProblemNote} problem=${problem} />`
  return html`
    ${done && html`<p class="note note-good" role="status">Set. Verify next.</p>`}
    ${byok && html`<${RootKeys} byok=${byok} />`}
    ${
      changeable
        ? html`<${KeysForm}
            organization=${organization}
            byok=${byok}
            etag=${etag}
            path=${path}
            onSet=${() => {
              setDone(true)
              reload()
              reloadByok()
            }}
          />`
        : html`<p class="note">
            ${byok?.managedBy === 'file' ? 'The configuration file sets these.' : 'Data is encrypted under these keys: the account, the location and the keys never change.'}
          </p>`
    }
  `
}

/**
 * @param {{ organization: import('../shapes.js').Organization, byok: import('../shapes.js').Byok | undefined,
 *   etag: string | null, path: string, onSet: () => void }} properties
 */
function KeysForm({ organization, byok, etag, path, onSet }) {
  const { api } = useSession()
  const [accountId, setAccountId] = useState(byok?.accountId ?? '')
  const [roleArn, setRoleArn] = useState(byok?.roleArn ?? '')
  const [keys, setKeys] = useState(
    /** @type {Record<string, string>} */ (
      Object.fromEntries(
        organization.regions.map((region) => [
          region,
          byok?.keys.find((key) => key.region === region)?.keyArn ?? '',
        ]),
      )
    ),
  )
  const action = useAction(async () => {
    const trimmed = Object.fromEntries(Object.entries(keys).map(([region, arn]) => [region, arn.trim()]))
    await api.send('PUT', path, { accountId: accountId.trim(), roleArn: roleArn.trim(), keys: trimmed }, etag)
    announce('The BYOK configuration is set')
    onSet()
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  return html`<section aria-labelledby="byok-form">
    <h2 id="byok-form">${byok ? 'Replace them' : 'Role and keys from the outputs of the templates'}</h2>
    ${organization.externalId && html`<p>ExternalId in the role’s trust policy: <${Copyable} text=${organization.externalId} label="ExternalId" /></p>`}
    <form class="narrow" onSubmit=${submit}>
      <${Field}
        label="AWS account ID"
        value=${accountId}
        onInput=${setAccountId}
        inputmode="numeric"
        required
        hint="12 digits."
      />
      <${Field}
        label="Role ARN"
        value=${roleArn}
        onInput=${setRoleArn}
        required
        placeholder="arn:aws:iam::…:role/…"
      />
      ${organization.regions.map(
        (region) =>
          html`<${Field}
            key=${region}
            label=${`Key ARN in ${region}`}
            value=${keys[region]}
            onInput=${(/** @type {string} */ arn) => setKeys({ ...keys, [region]: arn })}
            required
            placeholder=${`arn:aws:kms:${region}:…:key/…`}
          />`,
      )}
      <${ProblemNote} problem=${action.problem} />
      <div class="actions">
        <button type="submit" class="primary" disabled=${action.running}>${byok ? 'Replace' : 'Set'}</button>
      </div>
    </form>
  </section>`
}
