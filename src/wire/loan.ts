/** Memory that bytes from a connection lie in, and that serves other bytes once nobody holds it. */
export interface Loan {
  /** Holds the memory beyond the call that lent it. */
  retain(): void
  /** Gives it back, once for each `retain`; without, it is never used again. */
  release(): void
}

/** The loan of memory that nobody wants back. */
export const OWNED: Loan = { retain() {}, release() {} }

/** Lent bytes for longer than the call that lent them: themselves where nobody wants their memory back, else a copy. */
export function keep(chunk: Buffer, loan: Loan): Buffer {
  return loan === OWNED ? chunk : Buffer.from(chunk)
}
