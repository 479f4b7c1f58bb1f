import { describe, expect, test } from 'vitest'

// Modules of the console are for browsers and not part of this program's types.
const module = await import(new URL('../../src/admin/console/assets/cut-off.js', import.meta.url).href)
const measuredCutOff = module.measuredCutOff as (
  suspension: Record<string, unknown>,
  rows: readonly { event: Record<string, unknown> }[],
) => { withinMs: number | null; lastAllowedAt: string | null; transfersCut: number | null } | undefined

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, 0) + seconds * 1_000).toISOString()
const suspension = { id: 's1', since: at(10), awsRequestId: 'denied-1', reason: 'key-disabled' }

const call = (operation: string, seconds: number, more: Record<string, unknown> = {}) => ({
  event: {
    type: 'key-service.called',
    operation,
    region: 'eu-west-1',
    outcome: 'succeeded',
    awsRequestId: `ok-${operation}-${seconds}`,
    at: at(seconds),
    ...more,
  },
})
const denial = call('Decrypt', 9.99, { outcome: 'denied', awsRequestId: 'denied-1' })
const started = (more: Record<string, unknown> = {}) => ({
  event: {
    type: 'suspension.started',
    suspensionId: 's1',
    at: at(10.01),
    lastAllowedAt: at(9.9),
    transfersCut: 0,
    ...more,
  },
})

describe('the measured cut-off', () => {
  test('is counted from the role of the last granted call to the last request that was allowed', () => {
    const rows = [call('AssumeRole', 7), call('Decrypt', 7.02), call('AssumeRole', 9.9), denial, started()]
    expect(measuredCutOff(suspension, rows)).toEqual({
      withinMs: 2_900,
      lastAllowedAt: at(9.9),
      transfersCut: 0,
    })
  })

  test('ends with the cut where requests were running', () => {
    const rows = [call('AssumeRole', 7), call('Decrypt', 7.02), denial, started({ transfersCut: 3 })]
    expect(measuredCutOff(suspension, rows)?.withinMs).toBe(3_010)
  })

  test('takes grants of the denying region only', () => {
    const elsewhere = call('Decrypt', 9.5, { region: 'eu-central-1' })
    const rows = [call('AssumeRole', 7), call('Decrypt', 7.02), elsewhere, denial, started()]
    expect(measuredCutOff(suspension, rows)?.withinMs).toBe(2_900)
  })

  test('is counted from the last assumed role where that was denied', () => {
    const refused = call('AssumeRole', 9.99, { outcome: 'denied', awsRequestId: 'denied-1' })
    const rows = [call('AssumeRole', 8), call('Decrypt', 8.1), refused, started()]
    expect(measuredCutOff(suspension, rows)?.withinMs).toBe(1_900)
  })

  test('is nothing where nothing was served after the last grant', () => {
    const rows = [
      call('AssumeRole', 7),
      call('Decrypt', 7.02),
      denial,
      started({ lastAllowedAt: at(5), transfersCut: 0 }),
    ]
    expect(measuredCutOff(suspension, rows)?.withinMs).toBe(0)
    expect(measuredCutOff(suspension, [denial, started({ lastAllowedAt: undefined })])?.withinMs).toBe(0)
  })

  test('is unknown without the grant', () => {
    expect(measuredCutOff(suspension, [denial, started()])?.withinMs).toBeNull()
  })

  test('waits for the record of the suspension', () => {
    expect(measuredCutOff(suspension, [call('Decrypt', 7), denial])).toBeUndefined()
    expect(measuredCutOff(suspension, [])).toBeUndefined()
  })
})
