import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { onAnnouncement } from './announce.js'
import { Api, Problem } from './api.js'
import { SessionContext } from './context.js'
import { html } from './html.js'
import { Permissions } from './permissions.js'
import { forgetToken, keepToken, storedToken, watchIdleness } from './session.js'
import { Shell } from './shell.js'
import { SignIn } from './views/sign-in.js'

/** The whole console: a sign-in, or what the signed-in caller may see. */
export function Console() {
  const [session, setSession] = useState(
    /** @type {import('./context.js').Session | undefined} */ (undefined),
  )
  const [notice, setNotice] = useState('')
  const [resuming, setResuming] = useState(storedToken() !== null)

  const leave = useCallback((/** @type {string} */ why) => {
    forgetToken()
    setSession(undefined)
    setNotice(why)
  }, [])

  const enter = useCallback(
    async (/** @type {string} */ token, /** @type {boolean} */ acrossReloads) => {
      const api = new Api(token, () => leave('The token is no longer valid.'))
      const [identity, description] = await Promise.all([
        api.get('admin/v1/identity'),
        api.get('openapi.json'),
      ])
      keepToken(token, acrossReloads)
      setNotice('')
      setSession({
        api,
        identity,
        permissions: new Permissions(description, identity),
        signOut: () => leave('You are signed out.'),
      })
    },
    [leave],
  )

  useEffect(() => {
    const token = storedToken()
    if (token === null) return
    enter(token, true)
      .catch((error) => leave(error instanceof Problem ? error.message : String(error)))
      .finally(() => setResuming(false))
  }, [enter, leave])

  useEffect(() => {
    if (session === undefined) return undefined
    return watchIdleness(() => leave('You were signed out after half an hour without input.'))
  }, [session, leave])

  const content = useMemo(() => {
    if (resuming) return null
    if (session === undefined) return html`<${SignIn} enter=${enter} notice=${notice} />`
    return html`<${SessionContext.Provider} value=${session}><${Shell} /><//>`
  }, [resuming, session, enter, notice])
  return html`${content}<${Announcer} />`
}

/** The live region for screen readers. */
function Announcer() {
  const [text, setText] = useState('')
  useEffect(() => {
    onAnnouncement(setText)
    return () => onAnnouncement(undefined)
  }, [])
  return html`<div class="visually-hidden" role="status" aria-live="polite">${text}</div>`
}
