import { asPortcullisError, PortcullisError } from '../../../errors.ts'
import type { Request } from '../../../listener/request.ts'
import type { Loan } from '../../../wire/loan.ts'
import { awaitTurn, turnBytes } from '../../../wire/turns.ts'
import type { BodyWriter, PushedBody } from '../../../upstream/upstream.ts'
import type { BackendRequest } from './backend.ts'
import type { BackendResponse } from './backend-response.ts'
import type { ClientBody } from './client-body.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer } from './trailer.ts'

/** Seals plaintext pushed in pieces; `StreamSealer` and `PartSealer` are such. */
export interface Sealer {
  readonly sealedBytes: number
  write(chunk: Buffer): Buffer[]
  final(trailer: Uint8Array): Buffer[]
  destroy(): void
}

/** What became of an upload. */
export interface Uploaded {
  readonly response: BackendResponse
  /** Of the client's plaintext, verified; undefined when the store refused before the body's end. */
  readonly checksum: ObjectChecksum | undefined
}

/** Bodies up to here are held whole: a bad one never reaches the store, a good one can be sent again. */
export const HELD_BYTES_MAX = 128 * 1024
const REFUSAL_BYTES_MAX = 256 * 1024

/**
 * Sends a client's body to the store, sealed. The last bytes leave only after every checksum and signature held, and
 * the length was declared before, so that a store never takes a bad or cut upload for an object.
 */
export async function uploadSealed(
  context: ObjectExchange,
  request: BackendRequest,
  body: ClientBody,
  sealer: Sealer,
): Promise<Uploaded> {
  try {
    return body.bytes <= HELD_BYTES_MAX
      ? await uploadHeld(context, request, body, sealer)
      : await uploadStream(context, request, body, sealer)
  } finally {
    sealer.destroy()
  }
}

async function uploadHeld(
  context: ObjectExchange,
  request: BackendRequest,
  body: ClientBody,
  sealer: Sealer,
): Promise<Uploaded> {
  const { budget } = context.parts
  budget.take(sealer.sealedBytes)
  context.exchange.onEnd(() => budget.give(sealer.sealedBytes))
  const sealed = Buffer.allocUnsafeSlow(sealer.sealedBytes)
  let at = 0
  const keep = (pieces: readonly Buffer[]): void => {
    for (const piece of pieces) at += piece.copy(sealed, at)
  }
  const checksum = await new Promise<ObjectChecksum | undefined>((resolve, reject) => {
    body.read({
      data: (chunk) => keep(sealer.write(chunk)),
      end: resolve,
      error: reject,
    })
  })
  keep(sealer.final(encodeTrailer(checksum)))
  await admitted(context)
  const response = await context.backend.send({ ...request, body: sealed, sealed: true })
  return { response, checksum }
}

async function uploadStream(
  context: ObjectExchange,
  request: BackendRequest,
  body: ClientBody,
  sealer: Sealer,
): Promise<Uploaded> {
  await admitted(context)
  const stream = new SealedUpload(context, body, sealer)
  const response = await context.backend.send({ ...request, body: { stream, bytes: sealer.sealedBytes } })
  if (!stream.finished) {
    // The store answered early: its words are read first, since giving up the upload closes the connection.
    await response.collect(REFUSAL_BYTES_MAX)
    stream.destroy()
    assertRefusal(response)
  }
  return { response, checksum: stream.checksum }
}

/** Throws `store-response-invalid` where a store that has not seen a whole body says that it keeps it. */
export function assertRefusal(response: BackendResponse): void {
  if (response.status >= 300) return
  throw new PortcullisError('store-response-invalid', 'The store was done before it had the whole body.')
}

/** Resolves once bytes may be released; rejects when the exchange ends before. */
export function admitted(context: ObjectExchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const { exchange } = context
    if (exchange.ended)
      reject(exchange.error ?? new PortcullisError('request-malformed', 'The exchange is over.'))
    exchange.onAbort(reject)
    context.whenAdmitted(resolve)
  })
}

/** A sealed body on its way to the store, at the pace of the store; what is sealed in one turn is written together. */
class SealedUpload implements PushedBody {
  checksum: ObjectChecksum | undefined
  finished = false
  readonly #context: ObjectExchange
  readonly #request: Request
  readonly #body: ClientBody
  readonly #sealer: Sealer
  #writer: BodyWriter | undefined
  #destroyed = false
  #sealed: Buffer[] = []
  /** What `#sealed` are views of. */
  #loans: Loan[] = []
  #sealedBytes = 0
  /** The body is paused until its turn and the store's readiness have both come. */
  #awaitsTurn = false
  #awaitsStore = false

  constructor(context: ObjectExchange, body: ClientBody, sealer: Sealer) {
    this.#context = context
    this.#request = context.exchange.request
    this.#body = body
    this.#sealer = sealer
  }

  start(writer: BodyWriter): void {
    this.#writer = writer
    this.#body.read({
      data: (chunk, loan) => {
        if (this.#destroyed) return
        this.#keep(this.#sealer.write(chunk), loan)
      },
      end: (checksum) => {
        this.checksum = checksum
        this.#context.whenAdmitted(() => {
          if (this.#destroyed) return
          this.#sealed.push(...this.#sealer.final(encodeTrailer(checksum)))
          this.#flush()
          this.finished = true
          writer.end()
        })
      },
      error: (error) => this.destroy(error),
    })
  }

  ready(): void {
    this.#awaitsStore = false
    this.#proceed()
  }

  /** Gives the upload up: whoever waits for the store's answer gets the reason. */
  destroy(reason?: unknown): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#sealed = []
    this.#writer?.abort(asPortcullisError(reason))
  }

  #keep(pieces: readonly Buffer[], loan: Loan): void {
    // A body that arrives slowly is not held back: what came within one pass of the event loop goes out at its end.
    if (this.#sealed.length === 0) setImmediate(() => this.#flush())
    if (this.#loans.at(-1) !== loan) {
      loan.retain()
      this.#loans.push(loan)
    }
    for (const piece of pieces) {
      this.#sealed.push(piece)
      this.#sealedBytes += piece.length
    }
    if (this.#sealedBytes < turnBytes()) return
    this.#flush()
    if (this.#awaitsTurn) return
    this.#awaitsTurn = true
    this.#request.pause()
    awaitTurn(() => {
      this.#awaitsTurn = false
      this.#proceed()
    })
  }

  #flush(): void {
    if (this.#destroyed || this.#sealed.length === 0) return
    const sealed = this.#sealed
    const loans = this.#loans
    this.#sealed = []
    this.#loans = []
    this.#sealedBytes = 0
    const sent = (): void => {
      for (const loan of loans) loan.release()
    }
    if (this.#writer!.write(sealed, sent)) return
    this.#awaitsStore = true
    this.#request.pause()
  }

  #proceed(): void {
    if (!this.#awaitsTurn && !this.#awaitsStore && !this.#destroyed) this.#request.resume()
  }
}
