import { createReadStream, createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { ChainVerification } from '../../audit/verify-chain.ts'
import type { Reconciliation } from '../../audit/reconciliation.ts'
import type { OperationId, ResponseOf } from '../../admin/api/contract/contract.ts'
import {
  type AdminCommand,
  type CommandContext,
  listOption,
  type Options,
  type Outcome,
  textOption,
} from './command.ts'
import { UsageError } from './failure.ts'
import { organizations } from './path.ts'
import type { Progress } from './progress.ts'
import { facts, table } from './table.ts'

type ItemOf<Id extends OperationId> =
  ResponseOf<Id> extends { readonly items: readonly (infer Item)[] } ? Item : never
type Rotation = ResponseOf<'rotation.get'>
type Verification = Pick<ChainVerification, 'ok' | 'chain' | 'rows' | 'checkpoints' | 'signedUpTo'> & {
  readonly prunedUpTo: number
  readonly problems: readonly { readonly kind: string; readonly sequence: number; readonly detail: string }[]
}

const NDJSON = 'application/x-ndjson'
const POLL_MS = 500

const FILTERS = [
  ['--from <time>', 'RFC 3339, inclusive'],
  ['--to <time>', 'RFC 3339, exclusive'],
  ['--type <type...>', 'event type, such as suspension.started'],
  ['--site <site>', 'only this site'],
  ['--outcome <outcome>', 'only this outcome, such as denied'],
] as const

/** Commands on tenant keys, suspensions and the audit trail. */
export const operationCommands: readonly AdminCommand[] = [
  {
    usage: 'key list <organization>',
    summary: 'list tenant keys',
    run: async ({ client }, id) => {
      const items = await client.all<ItemOf<'key.list'>>(organizations(id, 'keys'))
      const rows = items.map((key) => [
        key.keyId,
        key.site,
        key.app,
        key.dataClass,
        key.version,
        key.encrypts,
        key.authority,
        key.regions,
        key.createdAt,
      ])
      const headings = ['KEY', 'SITE', 'APP', 'CLASS', 'VERSION', 'ENCRYPTS', 'AUTHORITY', 'REGIONS', 'SINCE']
      return { value: items, text: table(headings, rows) }
    },
  },
  {
    usage: 'key rotate <organization>',
    summary: 'make new versions of tenant keys; older ones still decrypt',
    options: [
      ['--site <site>', 'only this site'],
      ['--app <type>', 'only this app'],
      ['--no-wait', 'do not wait for the end'],
    ],
    run: async (context, id) => {
      const { client, options } = context
      const body = { site: textOption(options, 'site'), app: textOption(options, 'app') }
      const started = await client.send<Rotation>('POST', organizations(id, 'rotations'), body)
      return rotation(options['wait'] === false ? started : await finished(context, id, started))
    },
  },
  {
    usage: 'key rotations <organization>',
    summary: 'list rotations, newest first',
    run: async ({ client }, id) => {
      const items = await client.all<Rotation>(organizations(id, 'rotations'))
      return { value: items, text: rotations(items) }
    },
  },
  {
    usage: 'org suspensions <organization>',
    summary: 'list suspensions, newest first',
    run: async ({ client }, id) => {
      const items = await client.all<ItemOf<'suspension.list'>>(organizations(id, 'suspensions'))
      const rows = items.map((entry) => [
        entry.id,
        entry.reason,
        entry.scope,
        entry.since,
        entry.endedAt,
        entry.region,
        entry.awsRequestId,
      ])
      const headings = ['ID', 'REASON', 'SCOPE', 'SINCE', 'ENDED', 'REGION', 'AWS REQUEST']
      return { value: items, text: table(headings, rows) }
    },
  },
  {
    usage: 'org suspend <organization>',
    summary: 'suspend every BYOK app of the organization until lifted',
    confirm: {
      warning: 'All BYOK apps of the organization answer 423 at once.',
      subject: async (_client, id) => ({ name: id }),
    },
    run: async ({ client }, id) => {
      const placed = await client.send<ResponseOf<'suspension.place'>>(
        'POST',
        organizations(id, 'suspensions'),
      )
      const { id: suspension, reason, since } = placed
      return { value: placed, text: facts({ suspension, reason, since }) }
    },
  },
  {
    usage: 'org lift <organization> <suspension>',
    summary: "lift an operator's suspension",
    run: async ({ client }, id, suspension) => {
      await client.send('DELETE', organizations(id, 'suspensions', suspension))
      return { value: { lifted: suspension }, text: `lifted ${suspension}\n` }
    },
  },
  {
    usage: 'audit list <organization>',
    summary: 'show the audit trail',
    options: [...FILTERS, ['--after <sequence>', 'only later rows'], ['--limit <rows>', 'default 100']],
    run: async ({ client, options }, id) => {
      const page = await client.get<ResponseOf<'audit.list'>>(
        organizations(id, 'audit') + filterQuery(options),
      )
      const rows = page.items.map(({ sequence, event }) => [
        sequence,
        event.at,
        event.type,
        event.actor ?? event.by,
        event.outcome ?? event.reason ?? event.change,
        event.operation ?? event.region,
        event.awsRequestId ?? event.suspensionId ?? event.requestId,
      ])
      const headings = ['ROW', 'AT', 'EVENT', 'BY', 'OUTCOME', 'WHAT', 'ID']
      const more = page.next === null ? '' : `more: --after ${page.next}\n`
      return { value: page, text: table(headings, rows) + more }
    },
  },
  {
    usage: 'audit export <organization>',
    summary: 'write the audit trail as NDJSON, complete with signed checkpoints unless filtered',
    options: [...FILTERS, ['--output <file>', 'instead of standard output']],
    run: async ({ client, options, terminal, progress }, id) => {
      const rows = client.stream(organizations(id, 'audit') + filterQuery(options), NDJSON)
      const output = textOption(options, 'output')
      if (output !== undefined) {
        await pipeline(counted(rows, progress), createWriteStream(output, { mode: 0o600 }))
        return { value: { written: output }, text: `written to ${output}\n` }
      }
      const decoder = new TextDecoder()
      for await (const chunk of rows) terminal.print(decoder.decode(chunk, { stream: true }))
      return { value: undefined, text: '' }
    },
  },
  {
    usage: 'audit verify [organization]',
    summary: 'prove the hash chain: of an organization at the gateway, or of an export offline',
    options: [
      ['--file <file>', 'an export of one organization; no gateway is asked'],
      ['--public-key <file...>', 'PEM of a key that signs; needed with --file, see audit keys'],
      [
        '--checkpoints <file...>',
        'checkpoints or exports of an earlier day: they show an end that was removed',
      ],
    ],
    run: async ({ client, options }, id) => {
      const file = textOption(options, 'file')
      const publicKey = listOption(options, 'publicKey')
      const checkpoints = listOption(options, 'checkpoints')
      if (file === undefined && publicKey.length === 0 && checkpoints.length === 0) {
        if (id === undefined) throw new UsageError('name an organization, or a file with --file')
        return verification(await client.send('POST', organizations(id, 'audit', 'verification')))
      }
      if (publicKey.length === 0) throw new UsageError('--public-key is required')
      if (file === undefined && id === undefined) throw new UsageError('name an organization, or a file')
      const { verifyExport } = await import('./audit-verification.ts')
      const source =
        file === undefined ? client.stream(organizations(id, 'audit'), NDJSON) : createReadStream(file)
      return verification(await verifyExport(source, publicKey, checkpoints))
    },
  },
  {
    usage: 'audit keys <organization>',
    summary: 'show the public keys that an export is verified with',
    options: [['--output <file>', 'write them as PEM, for audit verify --public-key']],
    run: async ({ client, options }, id) => {
      const items = await client.all<ItemOf<'audit.keys'>>(organizations(id, 'audit', 'keys'))
      const pem = items.map(({ publicKeyPem }) => publicKeyPem).join('')
      const output = textOption(options, 'output')
      if (output !== undefined) await writeFile(output, pem)
      const keys = table(
        ['KEY'],
        items.map(({ keyId }) => [keyId]),
      )
      return { value: items, text: output === undefined ? `${keys}${pem}` : `written to ${output}\n` }
    },
  },
  {
    usage: 'audit reconcile <organization>',
    summary: "compare key uses with the customer's CloudTrail; exit code 1 when one has what the other lacks",
    options: [['--cloudtrail <file>', 'CloudTrail log file, gzipped or not']],
    run: async ({ client, options }, id) => {
      const file = textOption(options, 'cloudtrail')
      if (file === undefined) throw new UsageError('--cloudtrail is required')
      const [{ readCloudTrail }, { readNdjson }, { reconcile }] = await Promise.all([
        import('../../audit/cloudtrail-file.ts'),
        import('../../audit/ndjson.ts'),
        import('../../audit/reconcile.ts'),
      ])
      const records = await readCloudTrail(createReadStream(file))
      const query = '?types=key-service.called,key-service.proved'
      const entries = readNdjson(client.stream(organizations(id, 'audit') + query, NDJSON))
      return reconciled(await reconcile(entries, records))
    },
  },
]

/** The same pieces, with their length so far drawn as they pass. */
async function* counted(pieces: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    progress.wait(`${Math.ceil(bytes / 1024)} KiB written`)
    yield piece
  }
}

function filterQuery(options: Options): string {
  const query = new URLSearchParams()
  for (const name of ['from', 'to', 'site', 'outcome', 'after', 'limit']) {
    const value = textOption(options, name)
    if (value !== undefined) query.set(name, value)
  }
  const types = listOption(options, 'type')
  if (types.length > 0) query.set('types', types.join(','))
  return query.size === 0 ? '' : `?${query.toString()}`
}

function rotation(job: Rotation): Outcome {
  return { value: job, text: rotations([job]), failed: job.state === 'failed' }
}

function rotations(items: readonly Rotation[]): string {
  const rows = items.map(({ id, state, keys, createdAt, createdBy, finishedAt, error }) => [
    id,
    state,
    `${keys.done}/${keys.total}`,
    createdAt,
    createdBy,
    finishedAt,
    error,
  ])
  return table(['ID', 'STATE', 'KEYS', 'SINCE', 'BY', 'FINISHED', 'ERROR'], rows)
}

async function finished(
  { client, terminal, progress }: CommandContext,
  id: string,
  started: Rotation,
): Promise<Rotation> {
  let job = started
  while (job.finishedAt === null && !terminal.stopRequested.aborted) {
    const { total, done } = job.keys
    progress.show(done, total, job.error === null ? 'keys' : `keys, waiting: ${job.error}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    job = await client.get(organizations(id, 'rotations', job.id))
  }
  return job
}

function verification(result: Verification): Outcome {
  const { ok, chain, rows, checkpoints, signedUpTo, prunedUpTo, problems } = result
  const text = facts({
    chain,
    rows,
    checkpoints,
    'signed up to': signedUpTo,
    ...(prunedUpTo > 0 && { 'removed under the retention up to': prunedUpTo }),
    verdict: ok ? 'exactly what was recorded' : 'damaged',
  })
  const found = problems.map(({ kind, sequence, detail }) => [kind, sequence, detail])
  const list = found.length === 0 ? '' : `\n${table(['PROBLEM', 'ROW', 'DETAIL'], found)}`
  return { value: result, text: text + list, failed: !ok }
}

function reconciled(result: Reconciliation): Outcome {
  const { ok, matched, onlyInAudit, onlyInCloudTrail, contradictions } = result
  const about = facts({
    matched: matched + result.matchedWithoutRequestId,
    'only in the audit trail': onlyInAudit.length,
    'only in CloudTrail': onlyInCloudTrail.length,
    contradictions: contradictions.length,
    'not yet delivered': result.notYetDelivered,
    'outside the period': result.outsidePeriod,
  })
  const rows = [
    ...onlyInAudit.map(({ event }) => [
      'audit trail only',
      event.at,
      event.operation,
      event.region,
      event.awsRequestId,
    ]),
    ...onlyInCloudTrail.map((use) => ['CloudTrail only', use.at, use.operation, use.region, use.requestId]),
    ...contradictions.map(({ trail, detail }) => [
      detail,
      trail.at,
      trail.operation,
      trail.region,
      trail.requestId,
    ]),
  ]
  const list =
    rows.length === 0 ? '' : `\n${table(['FOUND', 'AT', 'OPERATION', 'REGION', 'AWS REQUEST'], rows)}`
  return { value: result, text: about + list, failed: !ok }
}
