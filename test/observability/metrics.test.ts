import { afterEach, describe, expect, it } from 'vitest'
import { Counter, Histogram, Registry } from 'prom-client'
import { Metrics, type RequestMeasure } from '../../src/observability/metrics.ts'
import { Tally } from '../../src/observability/tally.ts'
import { Timing } from '../../src/observability/timing.ts'

const REQUEST: RequestMeasure = {
  store: 'jira',
  route: '/issue/{id}',
  method: 'GET',
  status: 200,
  durationMs: 3,
  requestBytes: 0,
  responseBytes: 512,
  errorCode: undefined,
}

let metrics = new Metrics({ process: false })

afterEach(() => {
  metrics.close()
  metrics = new Metrics({ process: false })
})

async function lines(of = metrics): Promise<string[]> {
  return (await of.text()).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

describe('hot-path metrics', () => {
  it('count as the counter of the library does', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const options = { name: 'a_total', help: 'a', labelNames: ['store', 'status'] }
    const tally = new Tally({ ...options, registry: ours, combinationsMax: 100 })
    const counter = new Counter({ ...options, registers: [theirs] })
    for (const [store, status] of [
      ['jira', '200'],
      ['jira', '423'],
      ['jira', '200'],
      ['wiki', '200'],
    ] as const) {
      tally.add(2, store, status)
      counter.inc({ store, status }, 2)
    }
    expect(await ours.metrics()).toBe(await theirs.metrics())
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })

  it('distribute as the histogram of the library does', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const options = { name: 'a_seconds', help: 'a', labelNames: ['store'] }
    const bounds = [0.1, 1, 5]
    const timing = new Timing({ ...options, registry: ours, combinationsMax: 100, bounds })
    const histogram = new Histogram({ ...options, registers: [theirs], buckets: bounds })
    for (const value of [0, 0.1, 0.10001, 1, 3, 5, 5.1, 1e9]) {
      timing.observe(value, 'jira')
      histogram.observe({ store: 'jira' }, value)
    }
    const sorted = async (registry: Registry) =>
      (await registry.metrics()).replaceAll(
        /\{(.*?)\}/g,
        (_, labels: string) => `{${labels.split(',').toSorted().join()}}`,
      )
    expect(await sorted(ours)).toBe(await sorted(theirs))
  })

  it('count under `other` what exceeds the maximum of combinations', async () => {
    const registry = new Registry()
    const tally = new Tally({
      name: 'a_total',
      help: 'a',
      labelNames: ['x', 'y'],
      registry,
      combinationsMax: 3,
    })
    for (let index = 0; index < 1_000; index += 1) tally.add(1, `x${index % 100}`, `y${index % 10}`)
    const rows = (await registry.metrics()).split('\n').filter((line) => line.startsWith('a_total{'))
    expect(rows).toHaveLength(4)
    expect(rows.at(-1)).toBe('a_total{x="other",y="other"} 970')
  })

  it('escape labels', async () => {
    const registry = new Registry()
    new Tally({ name: 'a_total', help: 'a', labelNames: ['x'], registry, combinationsMax: 3 }).add(
      1,
      'a"b\nc\\',
    )
    expect(await registry.metrics()).toContain(String.raw`a_total{x="a\"b\nc\\"} 1`)
  })
})

describe('the metrics of the gateway', () => {
  it('count requests, bytes and refusals', async () => {
    metrics.request(REQUEST)
    metrics.request({
      ...REQUEST,
      method: 'PUT',
      requestBytes: 100,
      responseBytes: 0,
      status: 423,
      errorCode: 'tenant-suspended',
    })
    const text = await lines()
    expect(text).toContain(
      'portcullis_requests_total{store="jira",route="/issue/{id}",method="GET",status="200"} 1',
    )
    expect(text).toContain(
      'portcullis_requests_total{store="jira",route="/issue/{id}",method="PUT",status="423"} 1',
    )
    expect(text).toContain('portcullis_body_bytes_total{store="jira",direction="sent"} 512')
    expect(text).toContain('portcullis_body_bytes_total{store="jira",direction="received"} 100')
    expect(text).toContain('portcullis_refusals_total{store="jira",reason="tenant-suspended"} 1')
    expect(text).toContain(
      'portcullis_request_duration_seconds_bucket{store="jira",method="GET",le="0.005"} 1',
    )
  })

  it('cannot be grown by methods and statuses that clients and stores invent', async () => {
    for (let index = 0; index < 1_000; index += 1)
      metrics.request({ ...REQUEST, method: `M${index}`, status: 600 + index })
    expect((await lines()).filter((line) => line.startsWith('portcullis_requests_total'))).toHaveLength(1)
  })

  it('count crypto operations, the key cache, calls to the key service and suspensions', async () => {
    metrics.cryptoOperations('seal', 1, 'ok', 6)
    metrics.cryptoOperations('open', 1, 'failed')
    metrics.keyCache('hit', 5)
    metrics.keyServiceCall({
      operation: 'Decrypt',
      purpose: 'verify',
      region: 'eu-central-1',
      outcome: 'denied',
      durationMs: 40,
    })
    metrics.verification('denied', 45)
    metrics.suspended('key-disabled', 3, 800)
    metrics.resumed('key-disabled', 12_000)
    const text = await lines()
    expect(text).toContain('portcullis_crypto_operations_total{operation="seal",suite="1",outcome="ok"} 6')
    expect(text).toContain(
      'portcullis_crypto_operations_total{operation="open",suite="1",outcome="failed"} 1',
    )
    expect(text).toContain('portcullis_key_cache_total{event="hit"} 5')
    expect(text).toContain(
      'portcullis_kms_calls_total{operation="Decrypt",purpose="verify",region="eu-central-1",outcome="denied"} 1',
    )
    expect(text).toContain('portcullis_verification_duration_seconds_count{outcome="denied"} 1')
    expect(text).toContain('portcullis_suspensions_total{reason="key-disabled"} 1')
    expect(text).toContain('portcullis_transfers_cut_total{reason="key-disabled"} 3')
    expect(text).toContain('portcullis_suspension_last_use_seconds_bucket{reason="key-disabled",le="1"} 1')
    expect(text).toContain('portcullis_suspension_duration_seconds_sum{reason="key-disabled"} 12')
  })

  it('read live numbers only when they are read', async () => {
    let inFlight = 3
    metrics.watch({ requestsInFlight: () => inFlight })
    expect(await lines()).toContain('portcullis_requests_in_flight 3')
    inFlight = 0
    expect(await lines()).toContain('portcullis_requests_in_flight 0')
  })

  it('show lease age and suspension by authority, and forget those that are gone', async () => {
    let states = [
      { authorityId: 'acme', leaseAgeMs: 1_500, suspensionReason: undefined, unavailable: false },
      {
        authorityId: 'umbrella',
        leaseAgeMs: undefined,
        suspensionReason: 'key-disabled',
        unavailable: false,
      },
      { authorityId: 'outage', leaseAgeMs: 9_000, suspensionReason: undefined, unavailable: true },
      { authorityId: 'idle', leaseAgeMs: undefined, suspensionReason: undefined, unavailable: false },
    ]
    metrics.watch({ authorities: () => states })
    expect((await lines()).filter((line) => /_authorities|_lease|_suspended/.test(line))).toEqual([
      'portcullis_authorities{state="active"} 1',
      'portcullis_authorities{state="idle"} 1',
      'portcullis_authorities{state="suspended"} 1',
      'portcullis_authorities{state="unavailable"} 1',
      'portcullis_lease_age_seconds{authority="outage"} 9',
      'portcullis_lease_age_seconds{authority="acme"} 1.5',
      'portcullis_suspended{authority="umbrella",reason="key-disabled"} 1',
    ])
    states = []
    expect((await lines()).filter((line) => /_lease|_suspended/.test(line))).toEqual([])
  })

  it('give rows to a bounded number of authorities, those in trouble first', async () => {
    const states = Array.from({ length: 5_000 }, (_, index) => ({
      authorityId: `a${index}`,
      leaseAgeMs: index === 4_999 ? undefined : 100,
      suspensionReason: index === 4_999 ? 'access-denied' : undefined,
      unavailable: false,
    }))
    metrics.watch({ authorities: () => states })
    const text = await lines()
    expect(text.filter((line) => line.startsWith('portcullis_lease_age'))).toHaveLength(999)
    expect(text).toContain('portcullis_suspended{authority="a4999",reason="access-denied"} 1')
    expect(text).toContain('portcullis_authorities{state="active"} 4999')
  })

  it('measure the process and the delay of its event loop', async () => {
    const whole = new Metrics()
    const text = (await lines(whole)).join('\n')
    whole.close()
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds \d/)
    expect(text).toMatch(/process_resident_memory_bytes \d/)
  })
})
