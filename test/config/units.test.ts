import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts'

describe('durations and sizes', () => {
  it.each([
    [0, 0],
    [250, 250],
    ['250ms', 250],
    ['5s', 5_000],
    ['1.5m', 90_000],
    ['12 h', 43_200_000],
    ['1d', 86_400_000],
  ])('reads %j as a duration', (written, milliseconds) => {
    expect(parseDuration(written)).toBe(milliseconds)
  })

  it.each([
    [4_096, 4_096],
    ['64KiB', 65_536],
    ['10MB', 10_000_000],
    ['1.5GiB', 1_610_612_736],
    ['7B', 7],
  ])('reads %j as a size', (written, bytes) => {
    expect(parseSize(written)).toBe(bytes)
  })

  it.each([
    [-1],
    [1.5],
    [Number.NaN],
    [Infinity],
    [2 ** 53],
    ['5'],
    ['s'],
    [''],
    ['5 s s'],
    ['0x5s'],
    ['1e3s'],
    ['0.0001ms'],
    ['9999999999999d'],
    ['5constructor'],
    [null],
    [{}],
    [true],
  ])('refuses %j', (written) => {
    expect(parseDuration(written)).toBeUndefined()
    expect(parseSize(written)).toBeUndefined()
  })

  it('writes what it reads back', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (amount) => {
        expect(parseDuration(formatDuration(amount))).toBe(amount)
        expect(parseSize(formatSize(amount))).toBe(amount)
      }),
    )
  })
})
