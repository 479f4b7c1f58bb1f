/**
 * @typedef {object} CutOff
 * @property {number | null} withinMs at most this long after access was withdrawn something was served; 0 when
 *   nothing was; null when the trail does not tell
 * @property {string | null} lastAllowedAt last instant at which a request was allowed
 * @property {number | null} transfersCut requests that were running and were cut
 */

/** How far before a suspension its evidence is looked for: longer than proofs are ever gathered for one row. */
export const EVIDENCE_WINDOW_MS = 360_000

/**
 * What the audit trail proves about one suspension: AWS still allowed the very call that it then denied at some
 * instant; access was withdrawn after that. What was served after that instant bounds the cut-off from above.
 *
 * @param {{ id: string, since: string, awsRequestId: string | null, reason: string }} suspension
 * @param {readonly { event: Record<string, any> }[]} rows
 * @returns {CutOff | undefined} undefined while the trail does not have the suspension
 */
export function measuredCutOff(suspension, rows) {
  const events = rows.map(({ event }) => event)
  const started = events.find(
    ({ type, suspensionId }) => type === 'suspension.started' && suspensionId === suspension.id,
  )
  if (started === undefined) return undefined
  const lastAllowedAt = started.lastAllowedAt ?? null
  const transfersCut = started.transfersCut ?? null
  const servedUntil = transfersCut > 0 ? started.at : lastAllowedAt
  const evidence = { lastAllowedAt, transfersCut }
  if (servedUntil === null) return { withinMs: 0, ...evidence }
  const lastGranted = lastGrant(suspension, events)
  if (lastGranted === undefined) {
    const windowStart = Date.parse(suspension.since) - EVIDENCE_WINDOW_MS
    return { withinMs: Date.parse(servedUntil) < windowStart ? 0 : null, ...evidence }
  }
  return { withinMs: Math.max(0, Date.parse(servedUntil) - Date.parse(lastGranted)), ...evidence }
}

/**
 * When the call that was then denied was last granted. A Decrypt ran after the AssumeRole before it had been
 * answered, so that answer is the later bound that is certain.
 *
 * @param {{ since: string, awsRequestId: string | null }} suspension @param {Record<string, any>[]} events
 * @returns {string | undefined}
 */
function lastGrant({ since, awsRequestId }, events) {
  const calls = events.flatMap(callsIn).toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  const denied = calls.find((call) => call.outcome === 'denied' && call.awsRequestId === awsRequestId)
  if (denied === undefined) return undefined
  /** @param {string} operation @param {string} until */
  const granted = (operation, until) =>
    calls.findLast(
      (call) =>
        call.outcome === 'succeeded' &&
        call.operation === operation &&
        call.region === denied.region &&
        call.at <= until,
    )
  const last = granted(denied.operation, since)
  if (last === undefined || last.operation === 'AssumeRole') return last?.at
  return granted('AssumeRole', last.at)?.at ?? last.at
}

/**
 * The calls that a row tells of: one, or those of a whole interval.
 *
 * @param {Record<string, any>} event
 * @returns {Record<string, any>[]}
 */
function callsIn(event) {
  if (event.type === 'key-service.called') return [event]
  if (event.type !== 'key-service.proved') return []
  const startMs = Date.parse(event.at)
  return event.calls.flatMap((/** @type {Record<string, any>} */ { operation, region, requests }) =>
    requests.map((/** @type {string} */ request) => {
      const [offsetMs, awsRequestId] = request.split(' ')
      const at = new Date(startMs + Number(offsetMs)).toISOString()
      return { operation, region, outcome: event.outcome, at, awsRequestId }
    }),
  )
}
