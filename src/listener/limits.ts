/** Ceilings and deadlines of a listening socket. */
export interface ListenerLimits {
  /** Bytes of request line and headers together. */
  readonly headerBytesMax: number
  readonly headersCountMax: number
  /** Time a client has to send its headers. */
  readonly headersTimeoutMs: number
  /** Longest silence on a connection while a body is on its way in either direction. */
  readonly idleTimeoutMs: number
  /** How long an idle keep-alive connection is kept. */
  readonly keepAliveTimeoutMs: number
  readonly connectionsMax: number
  readonly connectionsPerPeerMax: number
  /** How long running exchanges may go on after a stop was asked for. */
  readonly drainTimeoutMs: number
}
