import type { StreamHeader } from '../../../envelope/header.ts'
import type { PortcullisError } from '../../../errors.ts'
import type { TenantKey } from '../../../keyring/tenant-key.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import type { BodySink, BodySource } from './backend-response.ts'
import type { ObjectExchange } from './object-exchange.ts'
import type { Loan } from '../../../wire/loan.ts'
import { OWNED } from '../../../wire/loan.ts'
import { publicError } from './public-error.ts'

/** Opens stored bytes pushed in pieces; `WholeOpener` and `PartsOpener` are such. */
export interface Opener {
  readonly pendingHeader: StreamHeader | undefined
  supplyKey(keyId: Uint8Array, streamKey: Uint8Array, context: Uint8Array): Buffer[]
  /** True while bytes of chunks that were written have not come out: the last chunk, and those since anything came out. */
  readonly holding: boolean
  /** Opens the chunk where it lies: what comes out are views of it and of those before it. */
  write(chunk: Buffer): Buffer[]
  final(): void
  destroy(): void
}

/** Takes verified plaintext. Exactly one of `end` and `error` comes last. */
export interface OpenedSink {
  /**
   * Takes pieces in order, and their memory, until it calls `done`. False asks the source to wait until `resume` of the
   * reading is called.
   */
  data(pieces: readonly Buffer[], done: () => void): boolean
  end(): void
  error(error: unknown): void
}

/** How to open a response. */
export interface Opening {
  readonly opener: Opener
  /** The object, which its streams are bound to. */
  readonly place: { readonly bucket: string; readonly key: string }
  /** Plaintext to drop first, and to give out after that; the rest is not read. */
  readonly skipBytes?: number
  readonly takeBytes?: number
  /** Called with each header before its key is used; throws to refuse. */
  readonly header?: (header: StreamHeader, key: TenantKey) => void | Promise<void>
}

/** Reads a stored response into verified plaintext, fetching keys on the way. */
export class OpenedBody implements BodySink {
  readonly #context: ObjectExchange
  readonly #response: BodySource
  readonly #opening: Opening
  readonly #sink: OpenedSink
  #skip: number
  #take: number
  #waiting = false
  #held = false
  #sourceEnded = false
  #over = false
  #queue: Buffer[] = []
  /** Of the chunks with bytes that the opener holds, retained. */
  #loans: Loan[] = []

  constructor(context: ObjectExchange, response: BodySource, opening: Opening, sink: OpenedSink) {
    this.#context = context
    this.#response = response
    this.#opening = opening
    this.#sink = sink
    this.#skip = opening.skipBytes ?? 0
    this.#take = opening.takeBytes ?? Infinity
    context.exchange.onAbort((reason) => this.#fail(reason))
  }

  /** Begins to read. */
  start(): void {
    this.#guarded(() => this.#supplyKeys())
    this.#response.consume(this)
  }

  /** Goes on after the sink asked to wait. */
  resume(): void {
    this.#held = false
    if (!this.#waiting && !this.#over) this.#response.resume()
  }

  data(chunk: Buffer, loan: Loan): void {
    if (this.#over) return
    if (this.#waiting) this.#queue.push(Buffer.from(chunk))
    else this.#guarded(() => this.#feed(chunk, loan))
  }

  end(): void {
    this.#sourceEnded = true
    if (this.#waiting || this.#over) return
    this.#guarded(() => {
      this.#opening.opener.final()
      this.#over = true
      releaseAll(this.#loans.splice(0))
      this.#sink.end()
    })
  }

  error(error: PortcullisError): void {
    this.#fail(error)
  }

  #feed(chunk: Buffer, loan: Loan): void {
    loan.retain()
    this.#loans.push(loan)
    this.#give(this.#opening.opener.write(chunk))
    this.#supplyKeys()
    if (!this.#opening.opener.holding) releaseAll(this.#loans.splice(0))
  }

  #supplyKeys(): void {
    for (let header = this.#pending(); header !== undefined; header = this.#pending()) {
      const key = this.#context.openingKey(header.keyId)
      const checked = key instanceof Promise ? undefined : this.#opening.header?.(header, key)
      if (key instanceof Promise || checked instanceof Promise) {
        this.#waitFor(header, key, checked)
        return
      }
      this.#supply(header, key)
    }
  }

  #pending(): StreamHeader | undefined {
    return this.#over ? undefined : this.#opening.opener.pendingHeader
  }

  #supply(header: StreamHeader, key: TenantKey): void {
    const { opener, place } = this.#opening
    const streamContext = this.#context.contextOf(key.scope.tenant, place.bucket, place.key)
    this.#give(opener.supplyKey(header.keyId, key.derived('stream'), streamContext))
  }

  #waitFor(header: StreamHeader, key: TenantKey | Promise<TenantKey>, checked: void | Promise<void>): void {
    this.#waiting = true
    this.#response.pause()
    const wait = async (): Promise<void> => {
      const loaded = await key
      await (key instanceof Promise ? this.#opening.header?.(header, loaded) : checked)
      this.#waiting = false
      if (this.#over) return
      this.#supply(header, loaded)
      this.#supplyKeys()
      this.#drainQueue()
    }
    wait().catch((thrown: unknown) => this.#fail(thrown))
  }

  #drainQueue(): void {
    while (!this.#waiting && !this.#over && this.#queue.length > 0) this.#feed(this.#queue.shift()!, OWNED)
    if (this.#waiting || this.#over) return
    if (this.#sourceEnded) this.end()
    else if (!this.#held) this.#response.resume()
  }

  #give(pieces: Buffer[]): void {
    if (this.#over || pieces.length === 0) return
    const wanted = this.#skip === 0 && this.#take === Infinity ? pieces : this.#wanted(pieces)
    const loans = this.#spent()
    if (wanted.length === 0) {
      releaseAll(loans)
    } else if (!this.#sink.data(wanted, () => releaseAll(loans))) {
      this.#held = true
      this.#response.pause()
    }
    if (this.#take === 0 && !this.#over) this.#satisfied()
  }

  /** The loans that pieces which just came out lie in. What is held still lies in the last one. */
  #spent(): Loan[] {
    const spent = this.#loans
    const last = spent.at(-1)
    this.#loans = []
    if (last !== undefined && this.#opening.opener.holding) {
      last.retain()
      this.#loans.push(last)
    }
    return spent
  }

  #wanted(pieces: readonly Buffer[]): Buffer[] {
    const wanted: Buffer[] = []
    for (const piece of pieces) {
      const part = piece.subarray(this.#skip, this.#skip + this.#take)
      this.#skip = Math.max(0, this.#skip - piece.length)
      this.#take -= part.length
      if (part.length > 0) wanted.push(part)
    }
    return wanted
  }

  #satisfied(): void {
    this.#over = true
    this.#destroy()
    if (!this.#sourceEnded) this.#response.abort()
    this.#sink.end()
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  /** What is held is overwritten before its memory is given back. */
  #destroy(): void {
    this.#opening.opener.destroy()
    releaseAll(this.#loans.splice(0))
  }

  #fail(thrown: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#destroy()
    this.#response.abort()
    this.#sink.error(publicError(thrown))
  }
}

function releaseAll(loans: readonly Loan[]): void {
  for (const loan of loans) loan.release()
}

/**
 * Releases plaintext to the client: the head with the first piece, each piece only while the exchange is admitted.
 * With `whole`, everything is held until its end has verified, and what it gives joins the head.
 */
export class ClientDelivery implements OpenedSink {
  readonly #context: ObjectExchange
  readonly #status: number
  readonly #headers: RawHeaders
  #body: OpenedBody | undefined
  #early: { readonly pieces: readonly Buffer[]; readonly done: () => void }[] = []
  #open = false
  #begun = false
  #complete = false
  /** Everything is held until its end was verified. */
  readonly #whole: (() => RawHeaders) | undefined

  constructor(context: ObjectExchange, status: number, headers: RawHeaders, whole?: () => RawHeaders) {
    this.#context = context
    this.#status = status
    this.#headers = headers
    this.#whole = whole
  }

  /** Lets the delivery slow the body down, and begins. */
  start(body: OpenedBody): void {
    this.#body = body
    this.#context.exchange.response.onDrain(() => {
      if (this.#open) this.#body!.resume()
    })
    if (this.#whole === undefined) this.#open = true
    body.start()
  }

  /** Adds headers while nothing has been released. */
  addHeaders(headers: RawHeaders): void {
    this.#headers.push(...headers)
  }

  data(pieces: readonly Buffer[], done: () => void): boolean {
    const { exchange } = this.#context
    if (this.#open && !exchange.admitted) {
      this.#open = false
      this.#context.whenAdmitted(() => this.#reopen())
    }
    if (!this.#open) {
      this.#early.push({ pieces, done })
      return this.#whole !== undefined
    }
    this.#begin()
    return exchange.sendAll(pieces, done)
  }

  end(): void {
    this.#complete = true
    if (this.#whole !== undefined) {
      this.#context.whenAdmitted(() => {
        const { exchange } = this.#context
        if (exchange.ended) return
        exchange.begin(this.#status, [...this.#headers, ...this.#whole!()])
        for (const { pieces, done } of this.#early.splice(0)) exchange.sendAll(pieces, done)
        exchange.response.end()
      })
    } else if (this.#open) {
      this.#finish()
    }
  }

  error(error: unknown): void {
    this.#context.exchange.fail(error)
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#context.exchange.begin(this.#status, this.#headers)
  }

  #finish(): void {
    if (this.#context.exchange.ended) return
    this.#begin()
    this.#context.exchange.response.end()
  }

  #reopen(): void {
    this.#open = true
    let wanted = true
    for (const { pieces, done } of this.#early.splice(0)) wanted = this.data(pieces, done)
    if (!this.#open) return
    if (this.#complete) this.#finish()
    else if (wanted) this.#body!.resume()
  }
}
