import { describe, expect, it } from 'vitest'
import { ServedReplica } from '../replica/support/served-replica.ts'

describe.skipIf(process.platform !== 'linux')('several processes of one replica', () => {
  it('ask KMS and STS no more than one does', async () => {
    const calls = async (workers: number): Promise<number> => {
      const replica = await ServedReplica.start(workers)
      try {
        await replica.app('PUT', '/jira/issue/1', JSON.stringify({ id: '1', fields: { summary: 'first' } }))
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
})
