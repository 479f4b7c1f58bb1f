import { randomUUID } from 'node:crypto'
import type { Clock } from '../keyring/clock.ts'
import { MeetingPlace } from './meeting-place.ts'
import type { FleetMessage } from './message.ts'
import type { FromMeeting, ToMeeting } from './process-line.ts'

/** For so long a suspension that was told may not be in the registry yet. */
const REPEATED_MS = 10_000

interface Told {
  readonly message: FleetMessage
  readonly from: string
  readonly atMs: number
}

/** Where the processes of one replica meet: in their parent, which holds no key and serves no request. */
export class ProcessMeeting {
  readonly #clock: Clock
  readonly #place: MeetingPlace
  readonly #members = new Map<string, (message: FromMeeting) => void>()
  #suspensions: Told[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#place = new MeetingPlace(clock, randomUUID())
  }

  /** Takes what a process said; `answer` is its way back. */
  receive(message: ToMeeting, from: string, answer: (message: FromMeeting) => void): void {
    switch (message.type) {
      case 'claim': {
        const { id, authorityId, holdMs } = message
        answer({ type: 'answer', id, claim: this.#place.grant(authorityId, from, holdMs) })
        break
      }
      case 'tick':
        answer({
          type: 'answer',
          id: message.id,
          claim: { granted: false, mark: this.#place.mark() },
        })
        break
      case 'publish':
        this.#spread(message.message, from)
        break
      case 'listen':
        this.#members.set(from, answer)
        for (const told of this.#recent()) {
          answer({ type: 'news', message: told.message, from: told.from })
        }
        break
    }
  }

  /** A process has ended. */
  leave(name: string): void {
    this.#members.delete(name)
  }

  #spread(message: FleetMessage, from: string): void {
    if (message.type === 'suspension') {
      this.#suspensions = [...this.#recent(), { message, from, atMs: this.#clock.now() }]
    }
    for (const [name, send] of this.#members) {
      if (name !== from) send({ type: 'news', message, from })
    }
  }

  #recent(): Told[] {
    const now = this.#clock.now()
    return this.#suspensions.filter(({ atMs }) => now - atMs < REPEATED_MS)
  }
}
