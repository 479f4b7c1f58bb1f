import { readFile, writeFile } from 'node:fs/promises'
import type { ResponseOf } from '../../admin/api/contract/contract.ts'
import type { RevocationStatement } from '../../audit/revocation-statement.ts'
import type { AdminCommand } from './command.ts'
import { listOption, textOption } from './command.ts'
import { UsageError } from './failure.ts'
import { organizations } from './path.ts'
import { facts, table } from './table.ts'

/** Suspensions of one report; older ones have statements of their own. */
const REPORTED_MAX = 20

/** Commands on the evidence of revocations. */
export const accessCommands: readonly AdminCommand[] = [
  {
    usage: 'access report <organization>',
    summary: `show what each replica confirmed of the newest ${REPORTED_MAX} suspensions`,
    run: async ({ client }, id) => {
      const page = await client.get<ResponseOf<'suspension.list'>>(
        `${organizations(id, 'suspensions')}?limit=${REPORTED_MAX}`,
      )
      const statements: RevocationStatement[] = []
      for (const suspension of page.items) {
        statements.push(await client.get(organizations(id, 'suspensions', suspension.id, 'statement')))
      }
      return { value: statements, text: table(HEADINGS, statements.flatMap(rowsOf)) }
    },
  },
  {
    usage: 'access statement <organization> <suspension>',
    summary: 'get the signed statement of a suspension: which replicas confirmed the cut-off, and when',
    options: [['--output <file>', 'instead of standard output']],
    run: async ({ client, options }, id, suspension) => {
      const statement = await client.get<RevocationStatement>(
        organizations(id, 'suspensions', suspension, 'statement'),
      )
      const json = `${JSON.stringify(statement, null, 2)}\n`
      const output = textOption(options, 'output')
      if (output === undefined) return { value: statement, text: json }
      await writeFile(output, json, { mode: 0o600 })
      return { value: { written: output }, text: `written to ${output}\n` }
    },
  },
  {
    usage: 'access verify <file>',
    summary: 'prove a signed statement offline; exit code 1 when it is not genuine or a replica is missing',
    options: [['--public-key <file...>', 'PEM of a key that signs; see audit keys']],
    run: async ({ options }, file) => {
      const publicKey = listOption(options, 'publicKey')
      if (publicKey.length === 0) throw new UsageError('--public-key is required')
      const [{ revocationStatement, statementIsGenuine }, { verifiersIn }] = await Promise.all([
        import('../../audit/revocation-statement.ts'),
        import('./public-keys.ts'),
      ])
      const verifiers = (await Promise.all(publicKey.map(verifiersIn))).flat()
      const read = revocationStatement.safeParse(parsed(await readFile(file, 'utf8')))
      if (!read.success) throw new TypeError(`${file} is no statement about a revocation`)
      const statement = read.data
      const genuine = statementIsGenuine(statement, verifiers)
      const { organization, suspension, replicas, complete, lastAllowedAt, issuedAt } = statement
      const about = facts({
        verdict: genuine ? 'genuine' : 'NOT GENUINE',
        organization,
        suspension: suspension.id,
        since: suspension.since,
        'last allowed': lastAllowedAt,
        confirmed: `${replicas.filter(({ confirmed }) => confirmed).length} of ${replicas.length}`,
        issued: issuedAt,
      })
      const text = genuine ? `${about}\n${table(HEADINGS, rowsOf(statement))}` : about
      return { value: { genuine, ...statement }, text, failed: !genuine || !complete }
    },
  },
]

const HEADINGS = ['SUSPENSION', 'SINCE', 'REPLICA', 'LAST ALLOWED', 'AFTER DENIAL', 'WIPED', 'KEYS', 'CUT']

function rowsOf({ suspension: { id, since }, replicas }: RevocationStatement): unknown[][] {
  if (replicas.length === 0) return [[id, since, 'no replica is known', null, null, null, null, null]]
  return replicas.map((one) => {
    if (!one.confirmed) return [id, since, one.replica, null, null, 'NOT CONFIRMED', null, null]
    const { replica, lastAllowedAt, wipedAt, keysWiped, transfersCut } = one
    const afterMs = lastAllowedAt === null ? 0 : Math.max(0, Date.parse(lastAllowedAt) - Date.parse(since))
    const keys = keysWiped === 0 ? 'none held' : keysWiped
    return [id, since, replica, lastAllowedAt, `${afterMs} ms`, wipedAt, keys, transfersCut]
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
