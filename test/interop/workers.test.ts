import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runs, ServedReplica } from './support/served-replica.ts'

const START_MS = 120_000

describe.skipIf(process.platform !== 'linux')('a replica of three processes', { timeout: 120_000 }, () => {
  let replica: ServedReplica

  beforeAll(async () => {
    replica = await ServedReplica.start(3)
    expect((await replica.app('PUT', '/jira/issue/1', issue('first'))).status).toBe(201)
  }, START_MS)
  afterAll(async () => await replica?.stop())

  /** Asks until every process has answered with a status, and none with another at the same time. */
  const allAnswer = (status: number): Promise<void> =>
    eventually(async () => {
      const before = replica.log.length
      const asked = Array.from({ length: 24 }, () => replica.app('GET', '/jira/issue/1'))
      if ((await Promise.all(asked)).some((answer) => answer.status !== status)) return false
      return replica.answeredBy(status, replica.log.slice(before)).length === 3
    })

  it('answers at one address, from each of them', async () => {
    await allAnswer(200)
    expect((await replica.operator('GET', '/readyz')).json).toEqual({ status: 'ready' })
  })

  it('counts what all of them did as one', async () => {
    const before = await replica.metric('portcullis_requests_total')
    await Promise.all(Array.from({ length: 50 }, () => replica.app('GET', '/jira/issue/1')))
    expect(await replica.metric('portcullis_requests_total')).toBe(before + 50)
    expect(await replica.metric('portcullis_processes')).toBe(3)
    // they serve the same authorities
    expect(await replica.metric('portcullis_authorities')).toBeLessThanOrEqual(2)
  })

  it('is cut off in all of them when the key is disabled, and back in all when it is enabled', async () => {
    await allAnswer(200)
    await replica.customer.disableKey()
    await allAnswer(423)
    const { items } = (await replica.operator('GET', '/admin/v1/organizations/acme/suspensions')).json
    expect(items[0]).toMatchObject({ reason: 'key-disabled', scope: 'organization' })
    const path = `/admin/v1/organizations/acme/suspensions/${items[0].id}/statement`
    await eventually(async () => {
      const { replicas } = (await replica.operator('GET', path)).json
      return replicas.length === 3 && replicas.every(({ confirmed }: { confirmed: boolean }) => confirmed)
    })
    await replica.customer.enableKey()
    await allAnswer(200)
  })

  it("hears of an operator's suspension and of its end in all of them", async () => {
    const path = '/admin/v1/organizations/acme/suspensions'
    const placed = await replica.operator('POST', path)
    expect(placed.status).toBe(201)
    const before = replica.log.length
    const statuses = await Promise.all(
      Array.from({ length: 40 }, () => replica.app('GET', '/jira/issue/1').then(({ status }) => status)),
    )
    expect(new Set(statuses)).toEqual(new Set([423]))
    expect(replica.answeredBy(200, replica.log.slice(before))).toEqual([])
    expect((await replica.operator('DELETE', `${path}/${placed.json.id}`)).status).toBeLessThan(300)
    await allAnswer(200)
  })

  it('takes a new token in all of them, and in none once it is revoked', async () => {
    const path = '/admin/v1/organizations/handed/tokens'
    const organization = { id: 'handed', location: 'europe' }
    expect((await replica.operator('POST', '/admin/v1/organizations', organization)).status).toBe(201)
    const site = { name: 'handed', apps: [{ type: 'jira', byok: false }] }
    expect((await replica.operator('POST', '/admin/v1/organizations/handed/sites', site)).status).toBe(201)
    const made = await replica.operator('POST', path, { name: 'app', sites: ['handed'] })
    expect(made.status).toBe(201)
    const statuses = async (): Promise<number[]> => {
      const asked = Array.from({ length: 24 }, () =>
        replica.app('GET', '/jira/issue/none', undefined, { site: 'handed', token: made.json.token }),
      )
      return (await Promise.all(asked)).map(({ status }) => status)
    }
    await eventually(async () => (await statuses()).every((status) => status === 404))
    await replica.operator('DELETE', `${path}/${made.json.id}`)
    await eventually(async () => (await statuses()).every((status) => status === 403))
  })

  it('loses nothing that was acknowledged when one of them is killed, and starts it anew', async () => {
    const counted = await replica.metric('portcullis_requests_total')
    const acknowledged: string[] = []
    const enough = new AbortController()
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let count = 0; !enough.signal.aborted; count += 1) {
        const id = `${writer}-${count}`
        const { status } = await replica.app('PUT', `/jira/issue/${id}`, issue(id))
        if (status === 201) acknowledged.push(id)
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    })
    const victim = replica.pids.get(2)!
    await eventually(() => acknowledged.length > 50)
    process.kill(victim, 'SIGKILL')
    await eventually(async () => (await replica.operator('GET', '/readyz')).status === 503)
    const there = acknowledged.length
    await eventually(() => acknowledged.length > there + 50)
    await eventually(async () => (await replica.operator('GET', '/readyz')).status === 200)
    enough.abort()
    await Promise.all(writers)
    expect(runs(victim)).toBe(false)
    expect(replica.pids.get(2)).not.toBe(victim)
    const readers = Array.from({ length: 8 }, async () => {
      for (let id = acknowledged.pop(); id !== undefined; id = acknowledged.pop()) {
        const path = `/jira/issue/${id}`
        const written = issue(id)
        // a busy machine may have it wait; it must be there
        await eventually(async () => (await replica.app('GET', path)).text === written)
      }
    })
    await Promise.all(readers)
    await allAnswer(200)
    // the end of one looks like no reset of the whole
    expect(await replica.metric('portcullis_requests_total')).toBeGreaterThan(counted)
    expect(await replica.metric('portcullis_process_restarts_total')).toBe(1)
  })

  it('goes on without the one that has the admin plane, which comes back at its address', async () => {
    const victim = replica.pids.get(1)!
    process.kill(victim, 'SIGKILL')
    await eventually(() => !runs(victim))
    const answers = await Promise.all(Array.from({ length: 20 }, () => replica.app('GET', '/jira/issue/1')))
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    await eventually(async () => (await replica.operator('GET', '/readyz')).status === 200)
    await allAnswer(200)
  })

  it('writes one audit trail that proves itself', async () => {
    const path = '/admin/v1/organizations/acme/audit/verification'
    const { json } = await replica.operator('POST', path)
    expect(json).toMatchObject({ ok: true, problems: [] })
    expect(json.lastSequence).toBeGreaterThan(10)
  })

  it('finishes what is under way and ends in all of them when it is told to end', async () => {
    const pids = [...replica.pids.values()]
    const slow = await Promise.all(
      Array.from({ length: 12 }, (_, id) => replica.slowUpload(`/jira/issue/s${id}`)),
    )
    const exit = replica.process.stop()
    await eventually(async () => (await replica.app('GET', '/jira/issue/1')).status === 0)
    const answers = await Promise.all(slow.map((upload) => upload.finish(issue('slow'))))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
    expect(await exit).toBe(0)
    expect(pids.filter(runs)).toEqual([])
  })
})

describe.skipIf(process.platform !== 'linux')('several processes', { timeout: START_MS }, () => {
  it('ask KMS and STS no more than one does', async () => {
    const calls = async (workers: number): Promise<number> => {
      const replica = await ServedReplica.start(workers)
      try {
        await replica.app('PUT', '/jira/issue/1', issue('first'))
        const { counters } = replica.environment.aws
        const until = performance.now() + 11_000
        let before = Number.NaN
        while (performance.now() < until) {
          await Promise.all(Array.from({ length: 8 }, () => replica.app('GET', '/jira/issue/1')))
          // what each unwraps for itself at the beginning is not what recurs
          if (performance.now() > until - 8_000 && Number.isNaN(before)) before = counters.count()
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        if (workers > 1) expect(replica.answeredBy(200)).toHaveLength(workers)
        return counters.count() - before
      } finally {
        await replica.stop()
      }
    }
    const [alone, three] = [await calls(1), await calls(3)]
    console.log(`calls in 8 s: ${alone} by one process, ${three} by three`)
    expect(three).toBeLessThan(alone * 1.7)
  })

  it('end when their parent is killed', async () => {
    const replica = await ServedReplica.start(2)
    try {
      const pids = [...replica.pids.values()]
      expect(pids.filter(runs)).toHaveLength(2)
      await replica.process.stop('SIGKILL')
      await eventually(() => pids.every((pid) => !runs(pid)))
    } finally {
      await replica.stop()
    }
  })

  it('refuse a port that somebody else has', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => {
      other.listen({ host: '127.0.0.1', port: 0, reusePort: true }, resolve)
    })
    const { port } = other.address() as { port: number }
    const started = ServedReplica.start(2, (configuration) => {
      configuration['listener'] = { port }
    })
    await expect(started).rejects.toThrow(/EADDRINUSE/)
    other.close()
  })
})

function issue(summary: string): string {
  return JSON.stringify({ id: '1', fields: { summary } })
}
