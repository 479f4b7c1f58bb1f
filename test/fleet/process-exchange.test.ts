import { setImmediate as turn } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import type { FleetMessage } from '../../src/fleet/message.ts'
import { ProcessExchange } from '../../src/fleet/process-exchange.ts'
import type { FromMeeting } from '../../src/fleet/process-line.ts'
import { ProcessMeeting } from '../../src/fleet/process-meeting.ts'
import { FakeClock } from '../keyring/fake-clock.ts'

/** Processes of one replica whose channels to the parent can stand still. */
class Processes {
  readonly clock = new FakeClock()
  readonly meeting = new ProcessMeeting(this.clock)
  answers = true

  join(name: string): { exchange: ProcessExchange; heard: [FleetMessage, string][]; resumed: () => number } {
    let heard: (message: FromMeeting) => void = () => undefined
    const exchange = new ProcessExchange(name, {
      send: (message) =>
        this.meeting.receive(message, name, (answer) => {
          if (this.answers) setImmediate(() => heard(answer))
        }),
      receive: (listener) => {
        heard = listener
      },
    })
    const messages: [FleetMessage, string][] = []
    let resumptions = 0
    exchange.listen({
      received: (message, from) => messages.push([message, from]),
      resumed: () => {
        resumptions += 1
      },
    })
    return { exchange, heard: messages, resumed: () => resumptions }
  }
}

const suspension: FleetMessage = {
  type: 'suspension',
  suspension: {
    id: 's',
    authorityId: 'acme',
    reason: 'operator',
    scope: 'organization',
    since: '',
  },
  mark: undefined,
}

it('lets one process verify at a time, and gives out marks in one order', async () => {
  const processes = new Processes()
  const [one, two] = [processes.join('one'), processes.join('two')]
  const first = await one.exchange.claim('acme', 1_000)
  const second = await two.exchange.claim('acme', 1_000)
  expect([first.granted, second.granted]).toEqual([true, false])
  expect(second.mark.count).toBeGreaterThan(first.mark.count)
  expect((await one.exchange.tick()).count).toBeGreaterThan(second.mark.count)
  await processes.clock.advance(1_000)
  expect((await two.exchange.claim('acme', 1_000)).granted).toBe(true)
})

it('tells messages to all but their sender, and nothing to one that has ended', async () => {
  const processes = new Processes()
  const [one, two, gone] = [processes.join('one'), processes.join('two'), processes.join('gone')]
  processes.meeting.leave('gone')
  one.exchange.publish({ type: 'unanswered', authorityId: 'acme' })
  await turn()
  await turn()
  expect(two.heard).toEqual([[{ type: 'unanswered', authorityId: 'acme' }, 'one']])
  expect([...one.heard, ...gone.heard]).toEqual([])
})

it('tells a process that joins what was suspended a moment ago, which the registry may not have yet', async () => {
  const processes = new Processes()
  const one = processes.join('one')
  one.exchange.publish(suspension)
  const soon = processes.join('soon')
  await processes.clock.advance(10_000)
  const late = processes.join('late')
  await turn()
  await turn()
  expect(soon.heard).toEqual([[suspension, 'one']])
  expect(late.heard).toEqual([])
  expect([soon.resumed(), late.resumed()]).toEqual([1, 1])
})

it('takes a parent that does not answer for out of reach until it does again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const processes = new Processes()
    const { exchange } = processes.join('one')
    processes.answers = false
    const asked = exchange.claim('acme', 1_000)
    const refused = expect(asked).rejects.toThrow(/did not answer in time/)
    vi.advanceTimersByTime(250)
    await refused
    expect(exchange.reachable).toBe(false)
    processes.answers = true
    await exchange.tick()
    expect(exchange.reachable).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})
