import { asPortcullisError } from '../../../errors.ts'
import type { BodyWriter, PushedBody } from '../../../upstream/upstream.ts'
import type { OpenedBody, OpenedSink } from './object-delivery.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { Sealer } from './sealed-upload.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer } from './trailer.ts'

/** What looks at the plaintext of a copy as it passes. */
interface Witness {
  data(chunk: Buffer): void
  /** The checksum for the trailer. */
  end(): ObjectChecksum | undefined
}

/** The plaintext of a stored object, sealed anew on its way to another place, at the pace of the slower side. */
export class CopyStream implements PushedBody, OpenedSink {
  finished = false
  readonly #context: ObjectExchange
  readonly #sealer: Sealer
  readonly #witness: Witness
  readonly #make: ((sink: OpenedSink) => OpenedBody) | undefined
  #body: OpenedBody | undefined
  #writer: BodyWriter | undefined
  #destroyed = false

  /** Without `make` there is nothing to copy but the end. */
  constructor(
    context: ObjectExchange,
    sealer: Sealer,
    witness: Witness,
    make: ((sink: OpenedSink) => OpenedBody) | undefined,
  ) {
    this.#context = context
    this.#sealer = sealer
    this.#witness = witness
    this.#make = make
    context.exchange.onAbort((reason) => this.destroy(reason))
  }

  start(writer: BodyWriter): void {
    this.#writer = writer
    if (this.#make === undefined) {
      this.end()
      return
    }
    this.#body = this.#make(this)
    this.#body.start()
  }

  data(pieces: readonly Buffer[], done: () => void): boolean {
    if (this.#destroyed) return false
    for (const piece of pieces) this.#witness.data(piece)
    return this.#writer!.write(
      pieces.flatMap((piece) => this.#sealer.write(piece)),
      done,
    )
  }

  end(): void {
    this.#context.whenAdmitted(() => {
      if (this.#destroyed) return
      this.#writer!.write(this.#sealer.final(encodeTrailer(this.#witness.end())))
      this.finished = true
      this.#writer!.end()
    })
  }

  error(error: unknown): void {
    this.destroy(error)
  }

  ready(): void {
    this.#body?.resume()
  }

  /** Gives the copy up: whoever waits for the store's answer gets the reason. */
  destroy(reason?: unknown): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#writer?.abort(asPortcullisError(reason))
  }
}
