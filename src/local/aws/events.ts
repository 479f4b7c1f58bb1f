import { appendFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Principal } from './principal.ts'

/** One record in the shape of AWS CloudTrail (record contents reference, event version 1.11). */
export interface TrailEvent {
  readonly eventVersion: '1.11'
  readonly userIdentity: Readonly<Record<string, unknown>>
  /** RFC 3339 UTC, whole seconds, as CloudTrail has it. */
  readonly eventTime: string
  readonly eventSource: string
  readonly eventName: string
  readonly awsRegion: string
  readonly sourceIPAddress: string
  readonly userAgent: string
  readonly errorCode?: string
  readonly errorMessage?: string
  readonly requestParameters: Readonly<Record<string, unknown>> | null
  readonly responseElements: unknown
  readonly additionalEventData?: Readonly<Record<string, unknown>>
  /** The `x-amzn-RequestId` of the answer. */
  readonly requestID: string
  readonly eventID: string
  readonly readOnly: boolean
  readonly resources: readonly { readonly accountId: string; readonly type: string; readonly ARN: string }[]
  readonly eventType: 'AwsApiCall'
  readonly managementEvent: true
  readonly recipientAccountId: string
  /** Joins the records of one call in two accounts. */
  readonly sharedEventID?: string
  readonly eventCategory: 'Management'
}

/** Which records to return; an absent member matches all. */
export interface EventFilter {
  /** The account whose trail is read. */
  readonly accountId?: string
  readonly eventName?: string
  readonly requestId?: string
  /** At most so many of the newest records; default 1,000. */
  readonly limit?: number
}

const FILE_BYTES_MAX = 32 * 1024 * 1024

/** The trail: the newest records in memory, all of them in a file that is rotated once at 32 MiB. */
export class EventLog {
  readonly #records: TrailEvent[] = []
  readonly #recordsMax: number
  readonly #path: string | undefined
  #pending: string[] = []
  #writing: Promise<void> | undefined
  readonly #listeners = new Set<(record: TrailEvent) => void>()

  private constructor(path: string | undefined, recordsMax: number) {
    this.#path = path
    this.#recordsMax = recordsMax
  }

  /** Reads the newest records of the file, if there is one. A torn last line of a crash is dropped. */
  static async open(path: string | undefined, recordsMax: number): Promise<EventLog> {
    const log = new EventLog(path, recordsMax)
    if (path === undefined) return log
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    let text = ''
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    for (const line of text.split('\n').slice(-recordsMax - 1)) {
      const record = parseLine(line)
      if (record) log.#records.push(record)
    }
    if (text !== '' && !text.endsWith('\n')) log.#pending.push('\n')
    return log
  }

  /** Adds records; they reach the file soon after, without the caller waiting. */
  add(...records: TrailEvent[]): void {
    this.#records.push(...records)
    // trimmed in bulk: shifting one by one would move the whole array each time
    if (this.#records.length > this.#recordsMax * 2)
      this.#records.splice(0, this.#records.length - this.#recordsMax)
    for (const listener of this.#listeners) for (const record of records) listener(record)
    if (this.#path === undefined) return
    for (const record of records) this.#pending.push(`${JSON.stringify(record)}\n`)
    this.#writing ??= this.#drain(this.#path)
  }

  /** Calls `listener` with every record from now on (as an EventBridge rule would); returns the unsubscription. */
  subscribe(listener: (record: TrailEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Matching records, oldest first. */
  list(filter: EventFilter = {}): TrailEvent[] {
    const limit = filter.limit ?? 1000
    const found: TrailEvent[] = []
    for (let index = this.#records.length - 1; index >= 0 && found.length < limit; index--) {
      const record = this.#records[index]
      if (record && matches(record, filter)) found.push(record)
    }
    return found.toReversed()
  }

  /** Resolves when every record is in the file. */
  async flush(): Promise<void> {
    await this.#writing
  }

  /** Forgets every record, in the file too. */
  async reset(): Promise<void> {
    await this.flush()
    this.#records.length = 0
    if (this.#path === undefined) return
    await rm(this.#path, { force: true })
    await rm(`${this.#path}.1`, { force: true })
  }

  async #drain(path: string): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const lines = this.#pending.join('')
        this.#pending = []
        await appendFile(path, lines, { mode: 0o600 })
        if ((await stat(path)).size > FILE_BYTES_MAX) await rename(path, `${path}.1`)
      }
    } catch {
      // the records stay readable in memory; a full disk must not fail the call that was recorded
      this.#pending = []
    } finally {
      this.#writing = undefined
    }
  }
}

/** `userIdentity`; in another account's trail the caller is only its account. */
export function userIdentity(principal: Principal, recipientAccountId: string): Record<string, unknown> {
  const { accountId, principalId, arn, accessKeyId } = principal
  if (recipientAccountId !== accountId) return { type: 'AWSAccount', principalId, accountId }
  const base = { principalId, arn, accountId, accessKeyId }
  if (principal.kind !== 'assumed-role') {
    return { type: principal.kind === 'root' ? 'Root' : 'IAMUser', ...base, userName: principal.userName }
  }
  return {
    type: 'AssumedRole',
    ...base,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: principalId.slice(0, principalId.indexOf(':')),
        arn: principal.identityArn,
        accountId,
        userName: principal.roleName,
      },
      attributes: {
        creationDate: trailTime(principal.session?.startedAt ?? 0),
        mfaAuthenticated: 'false',
      },
    },
  }
}

/** CloudTrail's time format. */
export function trailTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

const SECRET_MEMBERS = new Set([
  'Plaintext',
  'CiphertextBlob',
  'Message',
  'Mac',
  'Digest',
  'Signature',
  'EncryptedKeyMaterial',
  'ImportToken',
  'GrantTokens',
  'PublicKey',
])

/** Request members as CloudTrail shows them: names in lower camel case, contexts as they are, no payloads. */
export function requestParameters(
  members: Readonly<Record<string, unknown>>,
): Record<string, unknown> | null {
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(members)) {
    if (SECRET_MEMBERS.has(name)) continue
    const isMap = /EncryptionContext/.test(name)
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value) && !isMap
    shown[name.charAt(0).toLowerCase() + name.slice(1)] = nested
      ? requestParameters(value as Record<string, unknown>)
      : value
  }
  return Object.keys(shown).length > 0 ? shown : null
}

function matches(record: TrailEvent, filter: EventFilter): boolean {
  return (
    (filter.accountId === undefined || filter.accountId === record.recipientAccountId) &&
    (filter.eventName === undefined || filter.eventName === record.eventName) &&
    (filter.requestId === undefined || filter.requestId === record.requestID)
  )
}

function parseLine(line: string): TrailEvent | undefined {
  if (line === '') return undefined
  try {
    return JSON.parse(line) as TrailEvent
  } catch {
    return undefined
  }
}
