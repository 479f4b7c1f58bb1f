import { useEffect, useState } from 'preact/hooks'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { EVIDENCE_WINDOW_MS, measuredCutOff } from '../cut-off.js'
import { duration, reasonName, scopeName } from '../format.js'
import { html } from '../html.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { RevocationEvidence } from './revocation-evidence.js'
import { SuspensionTimeline } from './suspension-timeline.js'

const MEASURED_MAX = 10

/**
 * Suspensions as a timeline and a table, with what the audit trail proves about each cut-off.
 * @param {{ organizationId: string, suspensions: import('../shapes.js').Suspension[], readAt: number }} properties
 */
export function Suspensions({ organizationId, suspensions: items, readAt }) {
  const cutOffs = useMeasuredCutOffs(organizationId, items, readAt)
  return html`<section aria-labelledby="suspensions">
    <h2 id="suspensions">Suspensions</h2>
    ${items.length > 0 && html`<${SuspensionTimeline} suspensions=${items} nowMs=${readAt} />`}
    <${Table}
      caption="Suspensions, newest first"
      rows=${items}
      empty="There has been none."
      keyOf=${(/** @type {any} */ row) => row.id}
      columns=${[
        {
          name: 'Began (UTC)',
          header: true,
          cell: (/** @type {any} */ row) => html`<${Time} at=${row.since} />`,
        },
        { name: 'Reason', cell: (/** @type {any} */ row) => reasonName(row.reason) },
        { name: 'Of', cell: (/** @type {any} */ row) => scopeName(row.scope) },
        {
          name: 'Region',
          cell: (/** @type {any} */ row) => row.region ?? html`<span class="faint">–</span>`,
        },
        {
          name: 'Measured cut-off',
          kind: 'right',
          cell: (/** @type {any} */ row) =>
            html`<${CutOffCell} suspension=${row} cutOff=${cutOffs.get(row.id)} />`,
        },
        {
          name: 'Requests cut',
          kind: 'right',
          cell: (/** @type {any} */ row) =>
            cutOffs.get(row.id)?.transfersCut ?? html`<span class="faint">–</span>`,
        },
        {
          name: 'Restored (UTC)',
          cell: (/** @type {any} */ row) => html`<${Time} at=${row.endedAt} none="not yet" />`,
        },
        {
          name: 'Lasted',
          kind: 'right',
          cell: (/** @type {any} */ row) =>
            row.durationMs === null ? html`<span class="faint">–</span>` : duration(row.durationMs),
        },
      ]}
    />
    ${
      items.length > 0 &&
      html`<p class="hint">
        Measured cut-off: how long after AWS last granted the call that it then denied something was still
        served, from the audit trail. Access was withdrawn in between, so the cut-off took no longer.
      </p>`
    }
    ${items[0] && html`<${RevocationEvidence} key=${items[0].id} organizationId=${organizationId} suspension=${items[0]} />`}
  </section>`
}

/** @param {{ suspension: import('../shapes.js').Suspension, cutOff: import('../cut-off.js').CutOff | undefined }} properties */
function CutOffCell({ suspension, cutOff }) {
  if (suspension.reason === 'operator') return html`<span class="faint">at once</span>`
  if (cutOff === undefined || cutOff.withinMs === null) return html`<span class="faint">not measured</span>`
  return cutOff.withinMs === 0
    ? html`nothing served`
    : html`<span class="number">≤ ${duration(cutOff.withinMs)}</span>`
}

/**
 * Reads the evidence of the newest suspensions, once each: it does not change. The trail may have it a moment later
 * than the suspension itself; then the next refresh tries again.
 * @param {string} organizationId @param {import('../shapes.js').Suspension[]} suspensions @param {number} readAt
 */
function useMeasuredCutOffs(organizationId, suspensions, readAt) {
  const { api, permissions } = useSession()
  const [measured, setMeasured] = useState(
    /** @type {Map<string, import('../cut-off.js').CutOff>} */ (new Map()),
  )
  const offered = permissions.may('audit.list')
  const wanted = suspensions.slice(0, MEASURED_MAX).filter(({ id }) => !measured.has(id))
  const wantedIds = wanted.map(({ id }) => id).join(' ')
  useEffect(() => {
    if (!offered || wanted.length === 0) return undefined
    const controller = new AbortController()
    const read = async () => {
      for (const suspension of wanted) {
        const sinceMs = Date.parse(suspension.since)
        const query = new URLSearchParams({
          from: new Date(sinceMs - EVIDENCE_WINDOW_MS).toISOString(),
          to: new Date(sinceMs + 5_000).toISOString(),
          types: 'key-service.called,key-service.proved,suspension.started',
          limit: '1000',
        })
        const base = organizationPath`${organizationId}/audit`
        const { items } = await api.get(`${base}?${query}`, controller.signal)
        const cutOff = measuredCutOff(suspension, items)
        if (cutOff !== undefined) setMeasured((before) => new Map(before).set(suspension.id, cutOff))
      }
    }
    // What cannot be read is shown as not measured.
    read().catch(() => undefined)
    return () => controller.abort()
  }, [api, offered, organizationId, wantedIds, readAt])
  return measured
}
