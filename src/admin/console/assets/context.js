import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

/**
 * @typedef {object} Session
 * @property {import('./api.js').Api} api
 * @property {import('./shapes.js').Identity} identity
 * @property {import('./permissions.js').Permissions} permissions
 * @property {() => void} signOut
 */

/** Who is signed in. */
export const SessionContext = createContext(/** @type {Session | undefined} */ (undefined))

/** @returns {Session} */
export function useSession() {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}
