import type { Duplex, Readable } from 'node:stream'
import type { PortcullisError } from '../errors.ts'
import type { Loan } from '../wire/loan.ts'
import type { RawHeaders } from '../wire/raw-headers.ts'

/** A request to a store, after all transformation. */
export interface StoreRequest {
  readonly method: string
  /** Path and query as the store shall see them. */
  readonly path: string
  /** End-to-end headers without framing; framing is the upstream's own. */
  readonly headers: RawHeaders
  /** Bytes to send; a stream is sent with `contentLength` if known, else chunked. */
  readonly body: Buffer | Readable | PushedBody | undefined
  /** The buffer is the upstream's own from now on: its memory is given back once it cannot be sent again. */
  readonly ownsBody?: boolean
  /** Bytes; for a stream where known, for a pushed body always. */
  readonly contentLength?: number
}

/** A request body that its source pushes, at the pace that the writer asks for. */
export interface PushedBody {
  /** Called once, when there is a connection to write to. */
  start(writer: BodyWriter): void
  /** The store waits for more; called after `write` said false. */
  ready(): void
}

/** The way of a pushed body to the store. */
export interface BodyWriter {
  /**
   * Takes pieces in order, with one system call where the connection allows. They must stay as they are until `sent` is
   * called, which may never happen. False asks to wait for `ready`.
   */
  write(pieces: readonly Buffer[], sent?: () => void): boolean
  /** The body is complete. */
  end(): void
  /** It never will be: cuts the connection, so that the store does not take what it has for the whole. */
  abort(reason: Error): void
}

/** The running transfer of a store's response: its brake and its emergency stop. */
export interface StoreTransfer {
  pause(): void
  resume(): void
  /** Cuts the connection to the store; no handler method is called after it. */
  abort(): void
}

/** Receives one store response. Exactly one of `end` and `error` comes last. */
export interface StoreResponseHandler {
  /** Final head (never 1xx). End-to-end headers: hop-by-hop fields are gone. */
  head(status: number, headers: RawHeaders, statusMessage: string, transfer: StoreTransfer): void
  /**
   * The chunk is lent, and may be changed: its memory is used for the next one as soon as the call has returned, unless
   * `loan` was retained.
   */
  data(chunk: Buffer, loan: Loan): void
  /** `trailers` are end-to-end trailer fields, empty mostly. */
  end(trailers: RawHeaders): void
  /** `store-unreachable` or `store-timeout`. */
  error(error: PortcullisError): void
}

/** A request to change protocol (RFC 9110 section 7.8). */
export interface UpgradeRequest {
  readonly path: string
  /** End-to-end headers; `Connection` and `Upgrade` are the upstream's own. */
  readonly headers: RawHeaders
  /** The protocol asked for, such as `websocket`. */
  readonly protocol: string
}

/** Receives the answer to an upgrade; exactly one method is called. */
export interface UpgradeHandler {
  /** 101: the connection to the store is the caller's now. */
  upgraded(headers: RawHeaders, socket: Duplex): void
  /** Any other answer, with its end-to-end headers; its body is discarded. */
  refused(status: number, headers: RawHeaders): void
  error(error: PortcullisError): void
}

/** A way to a store. Backends stay behind this seam, so that tests and other transports can take its place. */
export interface Upstream {
  /** Sends a request; returns the function that cuts it at any stage. */
  dispatch(request: StoreRequest, handler: StoreResponseHandler): () => void
  upgrade(request: UpgradeRequest, handler: UpgradeHandler): void
  close(): Promise<void>
}
