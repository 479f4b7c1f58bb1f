import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { LiveList, type LivePlace } from '../../src/listener/live-list.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void

describe('a list of what is under way', () => {
  it('gives its values in order of arrival, whichever leave', () => {
    const list = new LiveList<string>()
    const [first, second, third] = ['a', 'b', 'c'].map((value) => list.add(value))
    list.remove(second!)
    list.add('d')
    expect(list.values()).toEqual(['a', 'c', 'd'])
    list.remove(first!)
    list.remove(third!)
    expect(list.values()).toEqual(['d'])
    expect(list.size).toBe(1)
  })

  it('counts one value twice that came twice, and takes each out once', () => {
    const list = new LiveList<string>()
    const place = list.add('a')
    list.add('a')
    list.remove(place)
    list.remove(place)
    expect(list.size).toBe(1)
    expect(list.values()).toEqual(['a'])
  })

  it('is empty once all are taken, and unmoved by those who leave afterwards', () => {
    const list = new LiveList<string>()
    const place = list.add('a')
    list.add('b')
    expect(list.takeAll()).toEqual(['a', 'b'])
    list.remove(place)
    expect(list.size).toBe(0)
    expect(list.values()).toEqual([])
  })

  it('leaves nothing of former members for a young collection to copy', () => {
    const list = new LiveList<number[]>()
    const live: LivePlace<number[]>[] = []
    const grownBy = (members: number): number => {
      const before = process.memoryUsage().heapUsed
      for (let index = 0; index < members; index += 1) {
        live.push(list.add(Array.from({ length: 256 }, () => index)))
        if (live.length > 32) list.remove(live.shift()!)
        if (index % 500 === 0) collect({ type: 'minor' })
      }
      collect({ type: 'minor' })
      return process.memoryUsage().heapUsed - before
    }
    grownBy(2_000)
    expect(grownBy(10_000)).toBeLessThan(4 * 1024 * 1024)
  })
})
