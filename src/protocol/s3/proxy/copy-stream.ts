import { Readable } from 'node:stream'
import type { OpenedBody, OpenedSink } from './object-delivery.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { Sealer } from './sealed-upload.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer } from './trailer.ts'

const HIGH_WATER_BYTES = 512 * 1024

/** What looks at the plaintext of a copy as it passes. */
interface Witness {
  data(chunk: Buffer): void
  /** The checksum for the trailer. */
  end(): ObjectChecksum | undefined
}

/** The plaintext of a stored object, sealed anew on its way to another place, at the pace of the slower side. */
export class CopyStream extends Readable implements OpenedSink {
  finished = false
  readonly #context: ObjectExchange
  readonly #sealer: Sealer
  readonly #witness: Witness
  #body: OpenedBody | undefined

  constructor(context: ObjectExchange, sealer: Sealer, witness: Witness) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#context = context
    this.#sealer = sealer
    this.#witness = witness
    // The exchange is told by whoever waits for the store's answer.
    this.on('error', () => {})
    context.exchange.onAbort((reason) => this.destroy(reason))
  }

  /** Begins to read the source. */
  readFrom(make: (sink: OpenedSink) => OpenedBody): void {
    this.#body = make(this)
    this.#body.start()
  }

  data(chunk: Buffer): boolean {
    if (this.destroyed) return false
    this.#witness.data(chunk)
    let wanted = true
    for (const piece of this.#sealer.write(chunk)) wanted = this.push(piece)
    return wanted
  }

  end(): void {
    this.#context.whenAdmitted(() => {
      if (this.destroyed) return
      for (const piece of this.#sealer.final(encodeTrailer(this.#witness.end()))) this.push(piece)
      this.finished = true
      this.push(null)
    })
  }

  error(error: unknown): void {
    this.destroy(error as Error)
  }

  override _read(): void {
    this.#body?.resume()
  }
}
