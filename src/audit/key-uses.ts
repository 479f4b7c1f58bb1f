import type { KeyAccessProved, KeyServiceCalled } from './event.ts'

/** Requests of one call that one row lists; a longer list would be cut as an event's members are. */
const REQUESTS_MAX = 60
const CALLS_MAX = 60
/** All requests of a row: about 12 KB. */
const USES_MAX = 240

type Use = Pick<
  KeyServiceCalled,
  'at' | 'authority' | 'operation' | 'region' | 'resource' | 'encryptionContext' | 'awsRequestId'
>

/** True for what is gathered: AWS answered a proof of access, and said under which request ID. */
export function isProof(event: { readonly type: string }): event is KeyServiceCalled {
  if (event.type !== 'key-service.called') return false
  const { purpose, outcome, awsRequestId } = event as KeyServiceCalled
  return purpose === 'verify' && outcome === 'succeeded' && awsRequestId !== undefined
}

/** The proofs of access of one authority in one interval: what they have in common is told once. */
export class KeyUses {
  readonly #authority: string
  readonly #at: string
  readonly #contexts = new Map<string, number>()
  readonly #calls = new Map<
    string,
    { call: Omit<KeyAccessProved['calls'][number], 'requests'>; requests: string[] }
  >()
  #until: string
  #uses = 0
  #full = false

  constructor(first: Use) {
    this.#authority = first.authority
    this.#at = first.at
    this.#until = first.at
  }

  /** No more fits into one row. */
  get full(): boolean {
    return this.#full
  }

  add({ at, operation, region, resource, encryptionContext, awsRequestId }: Use): void {
    const context = encryptionContext === undefined ? undefined : this.#contextNumber(encryptionContext)
    const name = `${operation} ${resource} ${context}`
    let entry = this.#calls.get(name)
    if (entry === undefined) {
      entry = {
        call: { operation, region, resource, ...(context !== undefined && { context }) },
        requests: [],
      }
      this.#calls.set(name, entry)
    }
    entry.requests.push(`${Date.parse(at) - Date.parse(this.#at)} ${awsRequestId}`)
    if (at > this.#until) this.#until = at
    this.#uses += 1
    this.#full ||=
      this.#uses >= USES_MAX || entry.requests.length >= REQUESTS_MAX || this.#calls.size >= CALLS_MAX
  }

  event(): KeyAccessProved {
    return {
      type: 'key-service.proved',
      at: this.#at,
      until: this.#until,
      authority: this.#authority,
      outcome: 'succeeded',
      uses: this.#uses,
      contexts: [...this.#contexts.keys()].map((text) => JSON.parse(text) as Record<string, string>),
      calls: [...this.#calls.values()].map(({ call, requests }) => ({ ...call, requests })),
    }
  }

  #contextNumber(context: Readonly<Record<string, string>>): number {
    const text = JSON.stringify(context)
    const known = this.#contexts.get(text) ?? this.#contexts.size
    this.#contexts.set(text, known)
    return known
  }
}

/** Every single use that a row tells of, as it would stand in a row of its own; none for other events. */
export function usesIn(event: { readonly type: string }): KeyServiceCalled[] {
  if (event.type === 'key-service.called') return [event as KeyServiceCalled]
  if (event.type !== 'key-service.proved') return []
  const { at, authority, outcome, contexts, calls } = event as KeyAccessProved
  const startMs = Date.parse(at)
  return calls.flatMap(({ operation, region, resource, context, requests }) =>
    requests.map((request): KeyServiceCalled => {
      const [offsetMs, awsRequestId] = request.split(' ')
      const encryptionContext = context === undefined ? undefined : contexts[context]
      return {
        type: 'key-service.called',
        at: new Date(startMs + Number(offsetMs)).toISOString(),
        authority,
        operation,
        purpose: 'verify',
        region,
        resource,
        outcome,
        ...(encryptionContext !== undefined && { encryptionContext }),
        ...(awsRequestId !== undefined && { awsRequestId }),
      }
    }),
  )
}
