import type { EncryptionContext, KeyService, Unwrapped, WrappedCopy } from '../../src/keyring/key-service.ts'
import type { KeyAuthority } from '../../src/tenant/tenant.ts'

/** Wraps by remembering: for tests that own the clock. What AWS really does is tested over sockets elsewhere. */
export class MemoryKeyService implements KeyService {
  readonly #plaintexts = new Map<string, { plaintext: Uint8Array; context: string }>()
  wraps = 0
  unwraps = 0
  readonly forgotten: string[] = []
  /** Plaintexts that were wrapped, for tests that seal as another writer would. */
  readonly wrapped: Uint8Array[] = []
  readonly contexts: EncryptionContext[] = []
  /** Plaintexts handed out, to see that their holder wipes them. */
  readonly given: Uint8Array[] = []
  /** Thrown by the next calls while set. */
  failure: Error | undefined
  /** Awaited by every call. */
  gate: Promise<void> | undefined
  /** Replaces the plaintext of unwraps. */
  substitute: Uint8Array | undefined

  async wrap(
    authority: KeyAuthority,
    plaintext: Uint8Array,
    context: EncryptionContext,
  ): Promise<WrappedCopy[]> {
    this.wraps += 1
    this.contexts.push(context)
    this.wrapped.push(Uint8Array.from(plaintext))
    const name = `wrapped-${this.wraps}`
    this.#plaintexts.set(name, { plaintext: Uint8Array.from(plaintext), context: JSON.stringify(context) })
    await this.gate
    if (this.failure !== undefined) throw this.failure
    return authority.keys.map(({ region, keyArn }) => ({ region, keyArn, ciphertext: Buffer.from(name) }))
  }

  async unwrap(
    _authority: KeyAuthority,
    copies: readonly WrappedCopy[],
    context: EncryptionContext,
  ): Promise<Unwrapped> {
    this.unwraps += 1
    await this.gate
    if (this.failure !== undefined) throw this.failure
    const entry = this.#plaintexts.get(Buffer.from(copies[0]!.ciphertext).toString())
    if (entry?.context !== JSON.stringify(context)) throw new Error('another encryption context')
    const plaintext = Uint8Array.from(this.substitute ?? entry.plaintext)
    this.given.push(plaintext)
    return { plaintext, region: copies[0]!.region, awsRequestId: undefined }
  }

  verify(): Promise<void> {
    return Promise.resolve()
  }

  forget(authorityId: string): void {
    this.forgotten.push(authorityId)
  }
}
