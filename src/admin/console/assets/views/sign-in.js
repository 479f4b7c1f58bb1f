import { useEffect, useRef, useState } from 'preact/hooks'
import { useAction } from '../resource.js'
import { html } from '../html.js'
import { Field } from '../parts/field.js'
import { Mark } from '../parts/mark.js'
import { ProblemNote } from '../parts/problem-note.js'

/** @param {{ enter: (token: string, acrossReloads: boolean) => Promise<void>, notice: string }} properties */
export function SignIn({ enter, notice }) {
  const [token, setToken] = useState('')
  const [acrossReloads, setAcrossReloads] = useState(false)
  const form = useRef(/** @type {HTMLFormElement | null} */ (null))
  const action = useAction(() => enter(token.trim(), acrossReloads))
  useEffect(() => {
    document.title = 'Sign in · Portcullis'
    form.current?.querySelector('input')?.focus()
  }, [])
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void action.run()
  }
  return html`<main class="sign-in">
    <p class="brand"><${Mark} />Portcullis</p>
    <h1>Security: BYOK encryption</h1>
    ${notice && !action.problem && html`<p class="note" role="status">${notice}</p>`}
    <form ref=${form} onSubmit=${submit}>
      <${Field}
        label="Admin token"
        type="password"
        name="token"
        autocomplete="current-password"
        required
        value=${token}
        onInput=${setToken}
        hint="Of an operator, an auditor or your organization’s administrator; or an OIDC access token."
      />
      <label class="check"
        ><input
          type="checkbox"
          checked=${acrossReloads}
          onChange=${() => setAcrossReloads(!acrossReloads)}
        />${' '} Stay signed in when this tab is reloaded</label
      >
      <${ProblemNote} problem=${action.problem} />
      <button type="submit" class="primary" disabled=${action.running}>
        ${action.running ? 'Signing in …' : 'Sign in'}
      </button>
    </form>
    <p class="faint">
      The token stays in this tab. It is forgotten when the tab closes and after 30 minutes without input.
    </p>
  </main>`
}
