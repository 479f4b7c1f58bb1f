import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { SecureMemory, SecureMemoryError } from '../../src/crypto/secure-memory.ts'

describe('secure memory', () => {
  test('gives zeroed slots of both sizes that do not overlap', () => {
    const memory = new SecureMemory()
    const slots = Array.from({ length: 1500 }, (_, i) => memory.allocate(i % 3 === 0 ? 64 : 32))
    for (const [i, slot] of slots.entries()) {
      expect(slot.bytes.every((byte) => byte === 0)).toBe(true)
      slot.bytes.fill((i % 255) + 1)
    }
    for (const [i, slot] of slots.entries())
      expect(slot.bytes.every((byte) => byte === (i % 255) + 1)).toBe(true)
    expect(memory.slotsLive).toBe(1500)
    memory.wipeAll()
    expect(memory.slotsLive).toBe(0)
    expect(memory.freeBytesAreZero()).toBe(true)
  })

  test('throws on use after wipe', () => {
    const slot = new SecureMemory().allocate(32)
    const view = slot.bytes
    view.fill(1)
    slot.wipe()
    slot.wipe()
    expect(slot.alive).toBe(false)
    expect(() => slot.bytes).toThrow(SecureMemoryError)
    expect(view.every((byte) => byte === 0)).toBe(true)
  })

  test('reuses wiped slots instead of growing, the longest unused first', () => {
    const memory = new SecureMemory({ arenaBytes: 4096 })
    const first = memory.allocate(64)
    const address = first.bytes.byteOffset
    const locked = memory.bytesLocked
    first.wipe()
    expect(memory.allocate(64).bytes.byteOffset).not.toBe(address)
    for (let i = 0; i < 1000; i++) memory.allocate(64).wipe()
    expect(memory.bytesLocked).toBe(locked)
  })

  test('grows by whole arenas up to its cap, then says so', () => {
    const memory = new SecureMemory({ arenaBytes: 4096, bytesMax: 8192 })
    const take = (): void => {
      for (let i = 0; i < 1000; i++) memory.allocate(64)
    }
    expect(take).toThrow(expect.objectContaining({ reason: 'exhausted' }))
    expect(memory.bytesLocked).toBe(8192)
    expect(memory.slotsLive).toBe(2 * Math.floor((4096 - 16) / 64))
  })

  test('refuses impossible options', () => {
    expect(() => new SecureMemory({ arenaBytes: 100 })).toThrow(RangeError)
    expect(() => new SecureMemory({ arenaBytes: 8192, bytesMax: 4096 })).toThrow(RangeError)
  })

  test('says how to raise the limit when memory cannot be locked', (context) => {
    const program = `
      import { SecureMemory } from ${JSON.stringify(new URL('../../src/crypto/secure-memory.ts', import.meta.url).href)}
      try { new SecureMemory({ arenaBytes: 1048576 }).allocate(32); console.log('locked') }
      catch (error) { console.log(error.reason, error.message) }`
    const output =
      withoutLockedMemory(program) ?? context.skip('skipped: privileges cannot be dropped on this machine')
    expect(output).toMatch(/^lock-failed .*locked-memory limit/)
  })
})

/** Runs a program whose locked-memory limit is 64 KiB, which binds only without privileges; undefined where it cannot. */
function withoutLockedMemory(program: string): string | undefined {
  const isRoot = process.getuid?.() === 0
  const drop = isRoot
    ? 'exec setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all "$0" "$@"'
    : 'exec "$0" "$@"'
  const args = ['-c', `ulimit -l 64 && ${drop}`, process.execPath, '--input-type=module', '-e', program]
  try {
    return execFileSync('/bin/sh', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
}
