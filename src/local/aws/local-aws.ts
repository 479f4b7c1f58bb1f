import { join } from 'node:path'
import { Counters } from './counters.ts'
import { EventLog } from './events.ts'
import { Faults } from './faults.ts'
import { newAccessKeyId, newSecretAccessKey, newUniqueId } from './identifiers.ts'
import { startServer } from './server.ts'
import type { ServiceParts } from './service.ts'
import { own } from './state/own.ts'
import { StateFile } from './state/state-file.ts'

/** Options of {@link startLocalAws}. */
export interface LocalAwsOptions {
  /** Where the state lives; without it everything is gone when the process ends. */
  readonly directory?: string | undefined
  /** 0 (default) takes any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** The services' clock (milliseconds since the epoch): key states, sessions, rotation. Default `Date.now`. */
  readonly clock?: () => number
  /** The clock signatures are checked against. Default `Date.now`. */
  readonly signingClock?: () => number
  /** Begin with an empty state. */
  readonly reset?: boolean
  /** How long a new replica stays `Creating`; default 0: until the next call. */
  readonly keyTransitionMs?: number
  /** Events kept in memory; default 10,000. */
  readonly eventsMax?: number
}

/** Credentials of one principal. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A running local AWS: KMS, STS and IAM of all regions behind one address. */
export interface LocalAws {
  /** `http://127.0.0.1:port`, the endpoint URL for every client. */
  readonly endpoint: string
  readonly port: number
  readonly faults: Faults
  readonly events: EventLog
  readonly counters: Counters
  /** What the operations work with; for helpers that act without HTTP. */
  readonly parts: ServiceParts
  /**
   * Makes an account (12 digits) with an administrator user, or returns what there is. The administrator may do
   * everything that key policies leave to the account.
   */
  createAccount(accountId: string): Promise<AccessKey & { readonly accountId: string }>
  /** Makes a user with one inline policy (IAM JSON), or returns what there is. */
  createUser(
    accountId: string,
    userName: string,
    policy: string,
  ): Promise<AccessKey & { readonly arn: string }>
  /** Forgets all accounts, keys, events, counters and faults. */
  reset(): Promise<void>
  stop(): Promise<void>
}

const ADMINISTRATOR = 'admin'
const ADMINISTRATOR_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
})

/** Starts the local AWS (development and tests only). */
export async function startLocalAws(options: LocalAwsOptions = {}): Promise<LocalAws> {
  const { directory } = options
  const file = await StateFile.open(directory)
  const eventPath = directory === undefined ? undefined : join(directory, 'cloudtrail.ndjson')
  const clock = options.clock ?? Date.now
  const parts: ServiceParts = {
    file,
    events: await EventLog.open(eventPath, options.eventsMax ?? 10_000),
    counters: new Counters(),
    faults: new Faults(),
    clock,
    signingClock: options.signingClock ?? Date.now,
    keyTransitionMs: options.keyTransitionMs ?? 0,
  }
  const reset = async (): Promise<void> => {
    await file.reset()
    await parts.events.reset()
    parts.counters.reset()
    parts.faults.clear()
  }
  if (options.reset === true) await reset()
  const host = options.host ?? '127.0.0.1'
  const server = await startServer(parts, host, options.port ?? 0, reset)
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    faults: parts.faults,
    events: parts.events,
    counters: parts.counters,
    parts,
    createAccount: async (accountId) => {
      const { accessKeyId, secretAccessKey } = await addUser(
        file,
        accountId,
        ADMINISTRATOR,
        ADMINISTRATOR_POLICY,
      )
      return { accountId, accessKeyId, secretAccessKey }
    },
    createUser: (accountId, userName, policy) => addUser(file, accountId, userName, policy),
    reset,
    stop: async () => {
      await server.stop()
      await file.commit()
      await parts.events.flush()
    },
  }
}

async function addUser(
  file: StateFile,
  accountId: string,
  userName: string,
  policy: string,
): Promise<AccessKey & { arn: string }> {
  if (!/^\d{12}$/.test(accountId)) throw new RangeError(`an account id has 12 digits, not ${accountId}`)
  if (!/^[\w+=,.@-]{1,64}$/.test(userName)) throw new RangeError(`not a user name: ${userName}`)
  const account = (file.state.accounts[accountId] ??= { accountId, users: {}, roles: {} })
  let user = own(account.users, userName)
  if (!user) {
    const accessKey = { accessKeyId: newAccessKeyId('AKIA'), secretAccessKey: newSecretAccessKey() }
    user = { userName, userId: newUniqueId('AIDA'), accessKeys: [accessKey], policies: { inline: policy } }
    account.users[userName] = user
    file.touch()
  }
  await file.commit()
  const [key] = user.accessKeys
  if (!key) throw new Error(`user ${userName} has no access key`)
  return { ...key, arn: `arn:aws:iam::${accountId}:user/${userName}` }
}
