import { expect, it } from 'vitest'
import { MergedMetrics } from '../../src/observability/merged-metrics.ts'
import { Metrics } from '../../src/observability/metrics.ts'

function served(count: number): Metrics {
  const metrics = new Metrics({ process: false })
  const suspended = {
    authorityId: 'a',
    leaseAgeMs: undefined,
    suspensionReason: 'operator',
    unavailable: false,
  }
  metrics.watch({
    requestsInFlight: () => count,
    fleetReachable: () => count > 1,
    authorities: () => [suspended],
  })
  for (let index = 0; index < count; index += 1) {
    metrics.request({
      store: 'jira',
      route: '/issue/{id}',
      method: 'GET',
      status: 200,
      durationMs: 2,
      requestBytes: 0,
      responseBytes: 10,
      errorCode: undefined,
    })
  }
  return metrics
}

function row(text: string, name: string): number {
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1])
}

it('adds what processes count, and takes levels that concern the same thing once', async () => {
  const merged = new MergedMetrics(() => 2)
  merged.take('one', await served(1).values())
  merged.take('two', await served(2).values())
  const { body } = await merged.text()
  expect(row(body, 'portcullis_requests_total')).toBe(3)
  expect(row(body, 'portcullis_request_duration_seconds_count')).toBe(3)
  expect(row(body, 'portcullis_requests_in_flight')).toBe(3)
  expect(row(body, 'portcullis_suspended')).toBe(1)
  expect(row(body, 'portcullis_authorities\\{state="suspended"\\}')).toBe(1)
  expect(row(body, 'portcullis_fleet_reachable')).toBe(0)
  expect(row(body, 'portcullis_processes')).toBe(2)
})

it('keeps what a process had counted when it ends, but none of its levels', async () => {
  const merged = new MergedMetrics(() => 1)
  merged.take('one', await served(5).values())
  merged.ended('one')
  merged.take('next', await served(2).values())
  const { body } = await merged.text()
  expect(row(body, 'portcullis_requests_total')).toBe(7)
  expect(row(body, 'portcullis_request_duration_seconds_sum')).toBeCloseTo(0.014)
  expect(row(body, 'portcullis_requests_in_flight')).toBe(2)
  expect(row(body, 'portcullis_process_restarts_total')).toBe(1)
})
