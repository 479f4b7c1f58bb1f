/** Memory that bytes from a connection lie in, and that serves other bytes once nobody holds it. */
export interface Loan {
  /** Holds the memory beyond the call that lent it. */
  retain(): void
  /** Gives it back, once for each `retain`; without, it is never used again. */
  release(): void
}

/** The loan of memory that nobody wants back. */
export const OWNED: Loan = { retain() {}, release() {} }
