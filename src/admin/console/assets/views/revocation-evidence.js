import { announce } from '../announce.js'
import { organizationPath } from '../api.js'
import { useSession } from '../context.js'
import { html } from '../html.js'
import { saveFile } from '../parts/download.js'
import { ProblemNote } from '../parts/problem-note.js'
import { Table } from '../parts/table.js'
import { Time } from '../parts/time.js'
import { useAction } from '../resource.js'

/**
 * What each replica confirmed of one suspension, and the signed statement that an auditor proves offline.
 * @param {{ organizationId: string, suspension: import('../shapes.js').Suspension }} properties
 */
export function RevocationEvidence({ organizationId, suspension }) {
  const { api, permissions } = useSession()
  const action = useAction(
    async () => await api.get(organizationPath`${organizationId}/suspensions/${suspension.id}/statement`),
  )
  if (!permissions.may('suspension.statement')) return null
  /** @type {import('../shapes.js').RevocationStatement | undefined} */
  const statement = action.result
  const save = () => {
    const content = new Blob([JSON.stringify(statement, null, 2)], { type: 'application/json' })
    saveFile(`revocation-${suspension.id}.json`, content)
    announce('The statement is in your downloads')
  }
  return html`<section aria-labelledby="evidence">
    <div class="section-head">
      <h3 id="evidence">Evidence of the newest suspension</h3>
      <button type="button" disabled=${action.running} onClick=${() => action.run()}>
        Show what each replica confirmed
      </button>
    </div>
    <${ProblemNote} problem=${action.problem} />
    ${
      statement &&
      html`<p class="hint">
          ${confirmedCount(statement)} of ${statement.replicas.length} replicas confirmed that the keys are
          wiped. Prove the signed statement offline with <code>portcullis access verify</code>.
        </p>
        <${Table}
          caption="Replicas that ran when the suspension began"
          rows=${statement.replicas}
          empty="No replica was running."
          keyOf=${(/** @type {any} */ row) => row.replica}
          columns=${[
            { name: 'Replica', header: true, cell: (/** @type {any} */ row) => row.replica },
            {
              name: 'Last use allowed (UTC)',
              cell: (/** @type {any} */ row) => html`<${Time} at=${row.lastAllowedAt ?? null} none="none" />`,
            },
            {
              name: 'Keys wiped (UTC)',
              cell: (/** @type {any} */ row) =>
                row.confirmed ? html`<${Time} at=${row.wipedAt} />` : html`<strong>not confirmed</strong>`,
            },
            {
              name: 'Keys',
              kind: 'right',
              cell: (/** @type {any} */ row) => (row.keysWiped === 0 ? 'none held' : (row.keysWiped ?? '–')),
            },
            {
              name: 'Requests cut',
              kind: 'right',
              cell: (/** @type {any} */ row) => row.transfersCut ?? '–',
            },
          ]}
        />
        <p><button type="button" onClick=${save}>Save the signed statement</button></p>`
    }
  </section>`
}

/** @param {import('../shapes.js').RevocationStatement} statement */
function confirmedCount({ replicas }) {
  return replicas.filter(({ confirmed }) => confirmed).length
}
