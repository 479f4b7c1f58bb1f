/**
 * Where the token lives: in memory; in sessionStorage only when its holder asks for it, so that a reload of this
 * tab does not sign out. Never in a cookie, an address or localStorage. It goes when the tab closes, after half an
 * hour without input, or when the API refuses it.
 */
const STORED = 'portcullis.token'
export const IDLE_MS_MAX = 30 * 60_000

/** @returns {string | null} */
export function storedToken() {
  return sessionStorage.getItem(STORED)
}

/** @param {string} token @param {boolean} acrossReloads */
export function keepToken(token, acrossReloads) {
  if (acrossReloads) sessionStorage.setItem(STORED, token)
  else sessionStorage.removeItem(STORED)
}

export function forgetToken() {
  sessionStorage.removeItem(STORED)
}

/** Calls back once after `idleMs` without a key, pointer or touch. @param {() => void} expired @param {number} idleMs */
export function watchIdleness(expired, idleMs = IDLE_MS_MAX) {
  const events = ['keydown', 'pointerdown', 'pointermove', 'wheel']
  let lastInputAt = Date.now()
  const seen = () => {
    lastInputAt = Date.now()
  }
  for (const name of events) addEventListener(name, seen, { passive: true, capture: true })
  const timer = setInterval(
    () => {
      if (Date.now() - lastInputAt >= idleMs) expired()
    },
    Math.min(idleMs, 10_000),
  )
  return () => {
    clearInterval(timer)
    for (const name of events) removeEventListener(name, seen, { capture: true })
  }
}
