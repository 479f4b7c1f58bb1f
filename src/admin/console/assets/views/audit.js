import { useEffect, useState } from 'preact/hooks'
import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { EVENT_GROUPS } from '../audit-text.js'
import { useSession } from '../context.js'
import { counted } from '../format.js'
import { html } from '../html.js'
import { saveFile } from '../parts/download.js'
import { Choice, Field } from '../parts/field.js'
import { ProblemNote } from '../parts/problem-note.js'
import { useAction, useResource } from '../resource.js'
import { AuditRows } from './audit-rows.js'

const PAGE_ROWS = 500
const DEFAULT_SPAN_MS = 24 * 3_600_000
const OUTCOMES = ['succeeded', 'denied', 'refused', 'failed', 'unavailable', 'defect']

/** The audit trail with filters, its export and the proof of its chain. @param {{ organization: import('../shapes.js').Organization }} properties */
export function Audit({ organization }) {
  const base = organizationPath`${organization.id}/audit`
  const [filter, setFilter] = useState(() => ({
    group: 'changes',
    outcome: '',
    site: '',
    from: inputTime(Date.now() - DEFAULT_SPAN_MS),
    to: '',
  }))
  const listing = useListing(base, filter)
  return html`
    <h1 tabindex="-1">Audit trail</h1>
    <${Proof} base=${base} />
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      <${Filters} organization=${organization} filter=${filter} setFilter=${setFilter} />
      <div class="section-head">
        <p class="count" role="status">
          ${listing.rows && `${counted(listing.rows.length, 'event')}${listing.next === null ? '' : ', more follow'}`}
          ${listing.running && 'Reading …'}
        </p>
        <button type="button" onClick=${listing.refresh} disabled=${listing.running}>Refresh</button>
        <${Export} base=${base} filter=${filter} organizationId=${organization.id} />
      </div>
      <${ProblemNote} problem=${listing.problem} />
      ${listing.rows && html`<${AuditRows} rows=${listing.rows} />`}
      ${listing.next !== null && listing.rows && html`<p><button type="button" disabled=${listing.running} onClick=${listing.more}>Read the next ${PAGE_ROWS}</button></p>`}
    </section>
  `
}

/** @typedef {{ group: string, outcome: string, site: string, from: string, to: string }} Filter */

/** Rows that fit, page by page in the order of the chain. @param {string} base @param {Filter} filter */
function useListing(base, filter) {
  const { api } = useSession()
  const [generation, setGeneration] = useState(0)
  const [listing, setListing] = useState(
    /** @type {{ rows?: import('../shapes.js').AuditRow[], next: number | null }} */ ({ next: null }),
  )
  const query = queryOf(filter)
  const action = useAction(async (/** @type {number} */ after, /** @type {any[]} */ rows) => {
    const page = await api.get(`${base}?${query}&limit=${PAGE_ROWS}&after=${after}`)
    setListing({ rows: [...rows, ...page.items], next: page.next })
  })
  useEffect(() => {
    const timer = setTimeout(() => void action.run(0, []), 150)
    return () => clearTimeout(timer)
  }, [base, query, generation])
  return {
    ...listing,
    running: action.running,
    problem: action.problem,
    refresh: () => setGeneration((count) => count + 1),
    more: () => void action.run(listing.next ?? 0, listing.rows ?? []),
  }
}

/** @param {Filter} filter */
function queryOf({ group, outcome, site, from, to }) {
  const types = EVENT_GROUPS.find(({ value }) => value === group)?.types ?? []
  const query = new URLSearchParams()
  if (types.length > 0) query.set('types', types.join(','))
  if (outcome !== '') query.set('outcome', outcome)
  if (site !== '') query.set('site', site)
  if (from !== '') query.set('from', `${from.padEnd(19, ':00')}.000Z`)
  if (to !== '') query.set('to', `${to.padEnd(19, ':00')}.000Z`)
  return query.toString()
}

/** What an input of type datetime-local takes; read as UTC. @param {number} ms */
function inputTime(ms) {
  return new Date(ms).toISOString().slice(0, 16)
}

/** @param {{ organization: import('../shapes.js').Organization, filter: Filter, setFilter: (filter: Filter) => void }} properties */
function Filters({ organization, filter, setFilter }) {
  const { value } = useResource(organizationPath`${organization.id}/sites?limit=500`)
  const set = (/** @type {Partial<Filter>} */ part) => setFilter({ ...filter, ...part })
  const sites = (value?.items ?? []).map((/** @type {{ name: string }} */ { name }) => ({
    value: name,
    name,
  }))
  return html`<form
    class="filters"
    aria-label="Filters"
    onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}
  >
    <${Choice}
      label="Show"
      value=${filter.group}
      onChange=${(/** @type {string} */ group) => set({ group })}
      options=${EVENT_GROUPS}
    />
    <${Choice}
      label="Outcome"
      value=${filter.outcome}
      onChange=${(/** @type {string} */ outcome) => set({ outcome })}
      options=${[{ value: '', name: 'Any' }, ...OUTCOMES.map((value) => ({ value, name: value }))]}
    />
    <${Choice}
      label="Site"
      value=${filter.site}
      onChange=${(/** @type {string} */ site) => set({ site })}
      options=${[{ value: '', name: 'Any' }, ...sites]}
    />
    <${Field}
      label="From (UTC)"
      type="datetime-local"
      value=${filter.from}
      onInput=${(/** @type {string} */ from) => set({ from })}
    />
    <${Field}
      label="To (UTC)"
      type="datetime-local"
      value=${filter.to}
      onInput=${(/** @type {string} */ to) => set({ to })}
    />
  </form>`
}

/** @param {{ base: string, filter: Filter, organizationId: string }} properties */
function Export({ base, filter, organizationId }) {
  const { api } = useSession()
  const action = useAction(async (/** @type {string} */ query) => {
    const content = await api.download(`${base}?${query}`, 'application/x-ndjson')
    saveFile(`audit-${organizationId}.ndjson`, content)
    announce('The export is in your downloads')
  })
  return html`
    <button type="button" disabled=${action.running} onClick=${() => action.run(queryOf(filter))}>
      Export these
    </button>
    <button type="button" disabled=${action.running} onClick=${() => action.run('')}>
      Export all with proofs
    </button>
    <${ProblemNote} problem=${action.problem} />
  `
}

/** @param {{ base: string }} properties */
function Proof({ base }) {
  const { api, permissions } = useSession()
  const action = useAction(async () => {
    const proof = await api.send('POST', `${base}/verification`)
    announce(proof.ok ? 'The chain holds' : 'The chain does not hold')
    return proof
  })
  if (!permissions.may('audit.verify')) return null
  /** @type {import('../shapes.js').AuditVerification | undefined} */
  const proof = action.result
  return html`<section aria-labelledby="proof">
    <div class="section-head">
      <h2 id="proof">Proof</h2>
      <button type="button" disabled=${action.running} onClick=${() => action.run()}>
        ${action.running ? 'Reading the chain …' : 'Prove the chain'}
      </button>
    </div>
    <p class="hint">
      Each row holds the hash of the one before; checkpoints are signed. An edited, removed or reordered row
      shows.
    </p>
    <${ProblemNote} problem=${action.problem} />
    ${proof?.ok && html`<p class="note note-good"><strong>The chain holds.</strong> ${extentOf(proof)}</p>`}
    ${
      proof &&
      !proof.ok &&
      html`<div class="note note-bad" role="alert">
        <p><strong>The chain does not hold.</strong></p>
        <ul>
          ${proof.problems.map(({ kind, sequence, detail }, index) => html`<li key=${index}>Row ${sequence}: ${kind}. ${detail}</li>`)}
        </ul>
      </div>`
    }
  </section>`
}

/** @param {import('../shapes.js').AuditVerification} proof */
function extentOf({ rows, firstSequence, lastSequence, checkpoints, signedUpTo }) {
  const signed = `${counted(checkpoints, 'signed checkpoint')}, signed up to row ${signedUpTo}`
  return `${counted(rows, 'row')} (${firstSequence} to ${lastSequence}), ${signed}.`
}
