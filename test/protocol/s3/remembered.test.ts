import { describe, expect, it } from 'vitest'
import { Remembered } from '../../../src/protocol/s3/remembered.ts'

describe('what texts mean', () => {
  it('is known for texts that were kept', () => {
    const remembered = new Remembered<number>()
    expect(remembered.keep('a', 1)).toBe(1)
    expect(remembered.get('a')).toBe(1)
    expect(remembered.get('b')).toBeUndefined()
  })

  it('is forgotten for the oldest of more than 1,024 texts', () => {
    const remembered = new Remembered<number>()
    for (let index = 0; index <= 1024; index += 1) remembered.keep(String(index), index)
    expect(remembered.get('0')).toBeUndefined()
    expect(remembered.get('1')).toBe(1)
    expect(remembered.get('1024')).toBe(1024)
  })

  it('is not kept for a text of more than 512 characters', () => {
    const remembered = new Remembered<number>()
    expect(remembered.keep('a'.repeat(513), 1)).toBe(1)
    expect(remembered.get('a'.repeat(513))).toBeUndefined()
    remembered.keep('a'.repeat(512), 2)
    expect(remembered.get('a'.repeat(512))).toBe(2)
  })
})
