import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConnectionMemory, readMemory } from '../../src/wire/connection-memory.ts'
import type { Loan } from '../../src/wire/loan.ts'

const BIG_BYTES = 512 * 1024

describe('what a connection reads into', () => {
  it('stays as it is until everybody who holds it has given it back', () => {
    const step = fc.record({
      connection: fc.nat(2),
      bytes: fc.integer({ min: 1, max: BIG_BYTES }),
      expecting: fc.boolean(),
      holds: fc.boolean(),
      releases: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = readMemory(BIG_BYTES)
        const connections = [0, 1, 2].map(() => {
          const own = new ConnectionMemory(memory)
          return { own, place: own.next(false) }
        })
        const held: { loan: Loan; bytes: Buffer; mark: number }[] = []
        steps.forEach(({ connection, bytes, expecting, holds, releases }, index) => {
          const { own, place } = connections[connection]!
          const mark = index + 1
          const read = place.subarray(0, Math.min(bytes, place.length))
          expect(read.length).toBeGreaterThan(0)
          read.fill(mark)
          own.filled(read.length)
          if (holds) {
            own.loan.retain()
            held.push({ loan: own.loan, bytes: read, mark })
          }
          connections[connection]!.place = own.next(expecting)
          for (const each of held) expect(each.bytes.at(0)).toBe(each.mark)
          for (const each of held) expect(each.bytes.at(-1)).toBe(each.mark)
          for (const { loan } of held.splice(0, releases)) loan.release()
        })
        for (const { own } of connections) own.close()
        for (const { loan, bytes, mark } of held) {
          expect(bytes.every((byte) => byte === mark)).toBe(true)
          loan.release()
        }
      }),
      { numRuns: 200 },
    )
  })

  it('is the same memory over and over while nobody holds it', () => {
    const own = new ConnectionMemory(readMemory(BIG_BYTES))
    const small = own.next(true)
    own.filled(small.length)
    const big = own.next(true)
    expect(big.length).toBe(BIG_BYTES)
    own.filled(big.length)
    expect(own.next(true).buffer).toBe(big.buffer)
    own.filled(1000)
    expect(own.next(true).buffer).toBe(big.buffer)
  })

  it('is a small buffer while the connection idles', () => {
    const own = new ConnectionMemory(readMemory(BIG_BYTES))
    own.filled(own.next(true).length)
    own.filled(own.next(true).length)
    expect(own.next(false).length).toBeLessThan(BIG_BYTES)
  })

  it('cannot be given back twice', () => {
    const own = new ConnectionMemory(readMemory(BIG_BYTES))
    own.loan.retain()
    own.loan.release()
    own.close()
    expect(() => own.loan.release()).toThrow('twice')
  })
})
