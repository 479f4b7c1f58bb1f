import type { Settings } from './settings.ts'

type ServerTexts = Settings['materials']['listenerTls']

/** What a TLS server is made with; undefined for plain HTTP. */
export function serverTls(texts: ServerTexts) {
  if (texts === undefined) return undefined
  const { cert, key, ca } = texts
  const own = { cert, key, minVersion: 'TLSv1.2' as const }
  // The stages decide what a certificate is good for; one that does not verify counts as none.
  return ca === undefined ? own : { ...own, ca, requestCert: true, rejectUnauthorized: false }
}
