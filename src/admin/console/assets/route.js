import { useEffect, useState } from 'preact/hooks'

/**
 * Places of the console are fragments: `#/acme/audit`. A fragment is never sent to a server, and none holds a secret.
 *
 * @typedef {{ organization: string | null, view: string }} Place
 */

/** @param {string} hash @returns {Place} */
export function placeOf(hash) {
  const [organization = '', view = ''] = hash.replace(/^#\/?/, '').split('/').map(decoded)
  return { organization: organization === '' ? null : organization, view }
}

/** @param {string | null} organization @param {string} [view] */
export function hrefOf(organization, view = '') {
  if (organization === null) return '#/'
  return `#/${encodeURIComponent(organization)}${view === '' ? '' : `/${encodeURIComponent(view)}`}`
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The present place. @returns {Place} */
export function usePlace() {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = () => setHash(location.hash)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return placeOf(hash)
}
