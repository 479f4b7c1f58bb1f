import type { Claim, FleetExchange, FleetListener } from './exchange.ts'
import type { Mark } from './mark.ts'
import type { FleetMessage } from './message.ts'
import type { FromMeeting, ProcessLine, ToMeeting } from './process-line.ts'

/** A parent that takes longer to answer is busy or gone: this process then verifies for itself. */
const ANSWER_TIMEOUT_MS = 250

interface Waiting {
  readonly resolve: (claim: Claim) => void
  readonly timeout: NodeJS.Timeout
}

/** The processes of one replica meet in their parent. */
export class ProcessExchange implements FleetExchange {
  readonly replica: string
  readonly #line: ProcessLine
  readonly #waiting = new Map<number, Waiting>()
  #listener: FleetListener | undefined
  #nextId = 1
  #reachable = true
  #closed = false

  constructor(replica: string, line: ProcessLine) {
    this.replica = replica
    this.#line = line
    line.receive((message) => this.#receive(message))
  }

  get reachable(): boolean {
    return this.#reachable
  }

  claim(authorityId: string, holdMs: number): Promise<Claim> {
    return this.#ask((id) => ({ type: 'claim', id, authorityId, holdMs }))
  }

  async tick(): Promise<Mark> {
    return (await this.#ask((id) => ({ type: 'tick', id }))).mark
  }

  publish(message: FleetMessage): void {
    if (!this.#closed) this.#line.send({ type: 'publish', message })
  }

  listen(listener: FleetListener): void {
    this.#listener = listener
    this.#line.send({ type: 'listen' })
    // Whoever builds the listener tells it first whom messages are for.
    setImmediate(() => listener.resumed())
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { timeout } of this.#waiting.values()) clearTimeout(timeout)
    this.#waiting.clear()
  }

  #ask(question: (id: number) => ToMeeting): Promise<Claim> {
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.#waiting.delete(id)
        this.#reachable = false
        reject(new Error('the other processes did not answer in time'))
      }, ANSWER_TIMEOUT_MS)
      timeout.unref()
      this.#waiting.set(id, { resolve, timeout })
      this.#line.send(question(id))
    })
  }

  #receive(message: FromMeeting): void {
    if (this.#closed) return
    if (message.type === 'news') {
      this.#listener?.received(message.message, message.from)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#reachable = true
    if (waiting === undefined) return
    this.#waiting.delete(message.id)
    clearTimeout(waiting.timeout)
    waiting.resolve(message.claim)
  }
}
