/** Names of app types for people. @type {Readonly<Record<string, string>>} */
const APP_NAMES = {
  jira: 'Jira',
  'jira-service-management': 'Jira Service Management',
  confluence: 'Confluence',
}

/** @param {string} type */
export const appName = (type) => APP_NAMES[type] ?? type

/** What each reason of a suspension means. @type {Readonly<Record<string, string>>} */
const REASONS = {
  'access-denied': 'Access denied',
  'key-disabled': 'Key disabled',
  'key-pending-deletion': 'Key scheduled for deletion',
  'key-not-found': 'Key not found',
  operator: 'Suspended by an operator',
}

/** @param {string} reason */
export const reasonName = (reason) => REASONS[reason] ?? reason

/** @type {Readonly<Record<string, string>>} */
const STATES = {
  valid: 'Access verified',
  grace: 'Key service not answering',
  unavailable: 'Key service unavailable',
  suspended: 'Suspended',
  unverified: 'Not in use',
}

/** @param {string} state */
export const stateName = (state) => STATES[state] ?? state

/** A length of time with the precision that matters at its size. @param {number} ms */
export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))} s`
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return parts(seconds, 60, 'min', 1, 's')
  if (seconds < 86_400) return parts(seconds, 3_600, 'h', 60, 'min')
  return parts(seconds, 86_400, 'd', 3_600, 'h')
}

/** @param {number} seconds @param {number} large @param {string} largeName @param {number} small @param {string} smallName */
function parts(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small)
  return `${Math.floor(seconds / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}

/** UTC, to the second: `2026-11-22 04:00:11`. @param {string} timestamp */
export function instant(timestamp) {
  return timestamp.slice(0, 19).replace('T', ' ')
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`
}

/** Words of an identifier: `key-service.called` is `Key service called`. @param {string} identifier */
export function words(identifier) {
  const text = identifier.replaceAll(/[-.]/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/**
 * What a suspension covers: `organization`, `app:<site>/<app>` or `data-class:<site>/<app>/<class>`.
 * @param {string} scope
 */
export function scopeOf(scope) {
  const [site, app, dataClass] = scope.slice(scope.indexOf(':') + 1).split('/')
  return scope.includes(':')
    ? { site, app, dataClass }
    : { site: undefined, app: undefined, dataClass: undefined }
}

/** @param {string} scope */
export function scopeName(scope) {
  const { site, app, dataClass } = scopeOf(scope)
  if (site === undefined || app === undefined) return 'All BYOK apps'
  return `${appName(app)} on ${site}${dataClass === undefined ? '' : `, ${words(dataClass).toLowerCase()} data`}`
}

/** With a capital and a full stop. @param {string} text */
export function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
