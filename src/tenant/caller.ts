/** Whoever a request comes from: the holder of an app token or of a client certificate. */
export interface Caller {
  /** Name of the token or certificate, for logs and audit. */
  readonly name: string
  readonly sites: ReadonlySet<string>
}

/** The parts of node:tls `PeerCertificate` that identify a caller. */
export interface PeerCertificate {
  /** SHA-256 of the DER certificate in upper-case hex with colons. */
  readonly fingerprint256: string
  /** `DNS:a, URI:b` as node:tls gives it. */
  readonly subjectaltname?: string | undefined
}
