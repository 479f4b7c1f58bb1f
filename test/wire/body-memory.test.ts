import { describe, expect, it } from 'vitest'
import { BodyMemory } from '../../src/wire/body-memory.ts'
import { readMemory } from '../../src/wire/connection-memory.ts'

const BIG = 1024 * 1024

describe('what a client is read into', () => {
  it('is one place for all connections while no body is expected, and lent to nobody', () => {
    const memory = readMemory(BIG)
    const [one, other] = [new BodyMemory(memory), new BodyMemory(memory)]
    expect(one.next(false)).toBe(other.next(false))
    expect(one.loan).toBeUndefined()
  })

  it('is its own for a body, small until the client has filled it', () => {
    const memory = new BodyMemory(readMemory(BIG))
    const small = memory.next(true)
    expect(small.length).toBeLessThan(BIG)
    memory.filled(10)
    expect(memory.next(true)).toBe(small)
    memory.filled(small.length)
    expect(memory.next(true)).toHaveLength(BIG)
  })

  it('stays as it is while somebody holds it: the next read goes behind it or elsewhere', () => {
    const memory = new BodyMemory(readMemory(BIG))
    const first = memory.next(true)
    memory.filled(1000)
    const { loan } = memory
    loan!.retain()
    const second = memory.next(true)
    expect(second.byteOffset).toBe(first.byteOffset + 1000)
    expect(second.buffer).toBe(first.buffer)
    memory.filled(second.length)
    memory.loan!.retain()
    const third = memory.next(true)
    expect(third.buffer).not.toBe(first.buffer)
    // The connection lets go of the first; its holders still have it.
    expect(memory.next(false).buffer).not.toBe(first.buffer)
    loan!.release()
    loan!.release()
    expect(() => loan!.release()).toThrow('released twice')
  })
})
