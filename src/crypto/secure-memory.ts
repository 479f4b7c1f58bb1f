import sodium from 'sodium-native'

/** Slots come in two sizes: a 32-byte key, or the 64-byte double key of suite 3. */
export type SlotBytes = 32 | 64

const CELL_BYTES = 64
/** libsodium puts a canary before the buffer; with it, an arena fills its pages exactly. */
const CANARY_BYTES = 16
const ARENA_PAGES_BYTES_DEFAULT = 32 * 1024
const BYTES_MAX_DEFAULT = 64 * 1024 * 1024

export interface SecureMemoryOptions {
  /** Locked pages per arena in bytes, a multiple of 4,096; small enough for the 64 KiB limit of some containers. */
  readonly arenaBytes?: number
  /** Explicit cap of all arenas together, in bytes of locked pages. */
  readonly bytesMax?: number
}

/** Secure memory cannot be had, or was used after its end. Carries no secret. */
export class SecureMemoryError extends Error {
  readonly reason: 'lock-failed' | 'exhausted' | 'wiped'

  constructor(reason: SecureMemoryError['reason'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SecureMemoryError'
    this.reason = reason
  }
}

/** A key-sized piece of locked memory with one owner, who wipes it. */
export interface SecureSlot {
  /**
   * The live bytes. Take it anew for each use and never hold it across an `await`: after `wipe()` the memory
   * may serve another key. Throws `SecureMemoryError` ('wiped') once wiped.
   */
  readonly bytes: Buffer
  readonly alive: boolean
  /** Zeroes the bytes and gives the slot back. Calling it again does nothing. */
  wipe(): void
}

class Slot implements SecureSlot {
  #bytes: Buffer | undefined
  readonly #release: (slot: Slot, bytes: Buffer) => void

  constructor(bytes: Buffer, release: (slot: Slot, bytes: Buffer) => void) {
    this.#bytes = bytes
    this.#release = release
  }

  get bytes(): Buffer {
    if (this.#bytes === undefined)
      throw new SecureMemoryError('wiped', 'secure memory was used after it was wiped')
    return this.#bytes
  }

  get alive(): boolean {
    return this.#bytes !== undefined
  }

  wipe(): void {
    const bytes = this.#bytes
    if (bytes === undefined) return
    this.#bytes = undefined
    sodium.sodium_memzero(bytes)
    this.#release(this, bytes)
  }
}

/**
 * Locked, guarded, wiped memory for keys: whole `sodium_malloc` arenas cut into slots, since one allocation per key
 * costs about 16 KB of guard pages. Never swapped, left out of core dumps. A process makes ONE of these.
 */
export class SecureMemory {
  readonly #arenaBytes: number
  readonly #bytesMax: number
  readonly #arenas: Buffer[] = []
  // Insertion order makes these first-in first-out: a freed slot rests as long as possible before it is reused.
  readonly #free: Record<SlotBytes, Set<Buffer>> = { 32: new Set(), 64: new Set() }
  readonly #live = new Set<Slot>()

  constructor(options: SecureMemoryOptions = {}) {
    this.#arenaBytes = options.arenaBytes ?? ARENA_PAGES_BYTES_DEFAULT
    this.#bytesMax = options.bytesMax ?? BYTES_MAX_DEFAULT
    if (!Number.isSafeInteger(this.#arenaBytes) || this.#arenaBytes < 4096 || this.#arenaBytes % 4096 !== 0) {
      throw new RangeError('arenaBytes must be a positive multiple of 4096')
    }
    if (this.#bytesMax < this.#arenaBytes) throw new RangeError('bytesMax must hold at least one arena')
  }

  /** A zeroed slot. Throws `SecureMemoryError`: 'lock-failed' or 'exhausted'. */
  allocate(length: SlotBytes): SecureSlot {
    const slot = new Slot(this.#take(length), this.#release)
    this.#live.add(slot)
    return slot
  }

  /** Wipes every live slot at once; each throws on its next use. For shutdown and tests. */
  wipeAll(): void {
    for (const slot of this.#live) slot.wipe()
  }

  get slotsLive(): number {
    return this.#live.size
  }

  /** Bytes of locked pages. */
  get bytesLocked(): number {
    return this.#arenas.length * this.#arenaBytes
  }

  /** True when every byte that no live slot owns is zero. Evidence for audits and tests; scans all arenas. */
  freeBytesAreZero(): boolean {
    return [...this.#free[32], ...this.#free[64]].every((bytes) => bytes.every((byte) => byte === 0))
  }

  readonly #release = (slot: Slot, bytes: Buffer): void => {
    this.#live.delete(slot)
    this.#free[bytes.length as SlotBytes].add(bytes)
  }

  #take(length: SlotBytes): Buffer {
    const free = this.#free[length]
    const oldest = free.values().next().value
    if (oldest !== undefined) {
      free.delete(oldest)
      return oldest
    }
    if (length === 64) {
      this.#grow()
      return this.#take(64)
    }
    const cell = this.#take(64)
    free.add(cell.subarray(32))
    return cell.subarray(0, 32)
  }

  #grow(): void {
    if (this.bytesLocked + this.#arenaBytes > this.#bytesMax) {
      throw new SecureMemoryError('exhausted', `secure memory is full: its cap is ${this.#bytesMax} bytes`)
    }
    const arena = lockedArena(this.#arenaBytes - CANARY_BYTES)
    this.#arenas.push(arena)
    for (let offset = 0; offset + CELL_BYTES <= arena.length; offset += CELL_BYTES) {
      this.#free[64].add(arena.subarray(offset, offset + CELL_BYTES))
    }
  }
}

/** `sodium_malloc` ignores a failing lock, so the lock is asked for again and its answer heeded. */
function lockedArena(bytes: number): Buffer {
  try {
    const arena = sodium.sodium_malloc(bytes)
    sodium.sodium_mlock(arena)
    arena.fill(0)
    return arena
  } catch (cause) {
    throw new SecureMemoryError(
      'lock-failed',
      `${bytes} more bytes of memory could not be locked: raise the locked-memory limit (ulimit -l, LimitMEMLOCK, ` +
        'or the memlock ulimit of the container)',
      { cause },
    )
  }
}
