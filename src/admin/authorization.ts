import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { PortcullisError } from '../errors.ts'

/** What an administrator may do. */
export type AdminRole = 'auditor' | 'operator' | 'org-admin'

/** A token of the admin plane. */
export interface AdminToken {
  readonly name: string
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly role: 'auditor' | 'operator'
}

/** Who is behind an admin request. */
export interface Administrator {
  /** Tells this caller from every other, for rate limits and idempotency keys. */
  readonly id: string
  /** For people, logs and audit. */
  readonly name: string
  readonly role: AdminRole
  /** The only organization that exists for them; undefined for all. */
  readonly organization: string | undefined
}

/** Where administrators beside those of the configuration come from. */
export interface AdministratorSources {
  /** The holder of a token of an organization, by its SHA-256 in hex. */
  readonly byTokenDigest?: (sha256: string) => Administrator | undefined
  /** The identity of an OIDC token. Rejects with `credentials-refused` or `identity-provider-unavailable`. */
  readonly byIdentityToken?: (token: string) => Promise<Administrator>
}

const BEARER = /^bearer +([\x21-\x7e]{1,8192}) *$/i
/** Compact serialisation of a signed JWT (RFC 7515 section 7.1). */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Checks bearer tokens of the admin plane. */
export class AdminAuthorization {
  readonly #tokens: readonly { readonly digest: Buffer; readonly administrator: Administrator }[]
  readonly #sources: AdministratorSources

  constructor(tokens: readonly AdminToken[], sources: AdministratorSources = {}) {
    this.#tokens = tokens.map(({ name, sha256, role }) => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`admin token ${name} has no SHA-256 digest`)
      const administrator = { id: `token:${name}`, name, role, organization: undefined }
      return { digest: Buffer.from(sha256, 'hex'), administrator }
    })
    this.#sources = sources
  }

  /** The administrator of a request. Rejects with `credentials-required` or `credentials-refused`. */
  async authenticate(request: Pick<FastifyRequest, 'headers'>): Promise<Administrator> {
    const header = request.headers.authorization
    if (header === undefined) {
      throw new PortcullisError('credentials-required', 'Send Authorization: Bearer <admin token>.')
    }
    const token = BEARER.exec(header)?.[1]
    const administrator = token === undefined ? undefined : this.#find(token)
    if (administrator !== undefined) return administrator
    if (token !== undefined && this.#sources.byIdentityToken !== undefined && JWT.test(token)) {
      return await this.#sources.byIdentityToken(token)
    }
    throw new PortcullisError('credentials-refused', 'The admin token is not valid.')
  }

  #find(token: string): Administrator | undefined {
    const digest = hash('sha256', token, 'buffer')
    let found: Administrator | undefined
    // Every entry is compared, so that time tells nothing about which one fits.
    for (const entry of this.#tokens) {
      if (timingSafeEqual(entry.digest, digest)) found = entry.administrator
    }
    return found ?? this.#sources.byTokenDigest?.(digest.toString('hex'))
  }
}
