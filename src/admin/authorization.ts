import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { PortcullisError } from '../errors.ts'

/** What an administrator may do. */
type AdminRole = 'auditor' | 'operator'

/** A token of the admin plane. */
export interface AdminToken {
  readonly name: string
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly role: AdminRole
}

/** Who is behind an admin request. */
export interface Administrator {
  readonly name: string
  readonly role: AdminRole
}

const BEARER = /^bearer +([\x21-\x7e]{1,4096}) *$/i

/** Checks bearer tokens of the admin plane. */
export class AdminAuthorization {
  readonly #tokens: readonly { readonly digest: Buffer; readonly administrator: Administrator }[]

  constructor(tokens: readonly AdminToken[]) {
    this.#tokens = tokens.map(({ name, sha256, role }) => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`admin token ${name} has no SHA-256 digest`)
      return { digest: Buffer.from(sha256, 'hex'), administrator: { name, role } }
    })
  }

  /** The administrator of a request. Throws `credentials-required` or `credentials-refused`. */
  authenticate(request: Pick<FastifyRequest, 'headers'>): Administrator {
    const header = request.headers.authorization
    if (header === undefined) {
      throw new PortcullisError('credentials-required', 'Send Authorization: Bearer <admin token>.')
    }
    const token = BEARER.exec(header)?.[1]
    const administrator = token === undefined ? undefined : this.#find(token)
    if (administrator === undefined) {
      throw new PortcullisError('credentials-refused', 'The admin token is not valid.')
    }
    return administrator
  }

  #find(token: string): Administrator | undefined {
    const digest = hash('sha256', token, 'buffer')
    let found: Administrator | undefined
    // Every entry is compared, so that time tells nothing about which one fits.
    for (const entry of this.#tokens) {
      if (timingSafeEqual(entry.digest, digest)) found = entry.administrator
    }
    return found
  }
}
