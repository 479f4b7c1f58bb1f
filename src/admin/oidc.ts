import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import { PortcullisError } from '../errors.ts'
import type { Administrator, AdminRole } from './authorization.ts'

/** Which provider is trusted, and what its claims mean. */
export interface OidcOptions {
  readonly issuer: string
  readonly audience: string
  /** Found through the discovery document when absent. */
  readonly jwksUri?: string | undefined
  /** Path of the claim with the roles. */
  readonly rolesClaim: string
  readonly operatorRoles: readonly string[]
  readonly auditorRoles: readonly string[]
  readonly organizationAdminRoles: readonly string[]
  /** Path of the claim with the organization. */
  readonly organizationClaim?: string | undefined
  /** A role that the API bound to a subject; looked at before any claim. */
  readonly bindingOf: (subject: string) => Administrator | undefined
  /** True when there is such an organization. */
  readonly organizationExists: (id: string) => boolean
}

/** Asymmetric only: a shared secret or none would let anyone who knows the public key sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512']
const CLOCK_TOLERANCE_SECONDS = 30
const TIMEOUT_MS = 5_000
const KEYS_MAX_AGE_MS = 10 * 60_000
/** Tokens with unknown keys make the keys be read again, but not more often than this. */
const COOLDOWN_MS = 30_000
const RESPONSE_BYTES_MAX = 256 * 1024
const NAME_CHARACTERS_MAX = 64

type KeySet = ReturnType<typeof createRemoteJWKSet>

/** Checks access tokens of an OpenID Connect provider and maps their claims to a role. */
export class OidcAuthorization {
  readonly #options: OidcOptions
  #keys: Promise<KeySet> | undefined

  constructor(options: OidcOptions) {
    this.#options = options
  }

  /** Rejects with `credentials-refused`, or `overloaded` while the provider's keys cannot be read. */
  async authenticate(token: string): Promise<Administrator> {
    const claims = await this.#verified(token)
    const subject = claims.sub
    if (typeof subject !== 'string' || subject === '' || subject.length > 255) throw refused()
    const bound = this.#options.bindingOf(subject)
    if (bound !== undefined) return bound
    const role = this.#roleOf(claims)
    const organization = role === 'org-admin' ? this.#organizationOf(claims) : undefined
    const name = claimAt(claims, 'preferred_username')
    return {
      id: `oidc:${subject}`,
      name: (typeof name === 'string' && name !== '' ? name : subject).slice(0, NAME_CHARACTERS_MAX),
      role,
      organization,
    }
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.#options
    const keys = await this.#keySet()
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      })
      return payload
    } catch (thrown) {
      if (isProviderFailure(thrown)) throw unavailable(thrown)
      throw refused(thrown)
    }
  }

  #keySet(): Promise<KeySet> {
    this.#keys ??= this.#discover().catch((thrown: unknown) => {
      this.#keys = undefined
      throw unavailable(thrown)
    })
    return this.#keys
  }

  async #discover(): Promise<KeySet> {
    const uri = this.#options.jwksUri ?? (await discoveredKeys(this.#options.issuer))
    return createRemoteJWKSet(new URL(uri), {
      timeoutDuration: TIMEOUT_MS,
      cacheMaxAge: KEYS_MAX_AGE_MS,
      cooldownDuration: COOLDOWN_MS,
      [customFetch]: (url, init) => boundedFetch(url, init),
    })
  }

  #roleOf(claims: JWTPayload): AdminRole {
    const { rolesClaim, operatorRoles, auditorRoles, organizationAdminRoles } = this.#options
    const claimed = new Set([claimAt(claims, rolesClaim)].flat())
    const has = (roles: readonly string[]): boolean => roles.some((role) => claimed.has(role))
    if (has(operatorRoles)) return 'operator'
    if (has(auditorRoles)) return 'auditor'
    if (has(organizationAdminRoles)) return 'org-admin'
    throw new PortcullisError('credentials-refused', 'This identity has no role here.')
  }

  #organizationOf(claims: JWTPayload): string {
    const { organizationClaim, organizationExists } = this.#options
    const organization = organizationClaim === undefined ? undefined : claimAt(claims, organizationClaim)
    if (typeof organization === 'string' && organizationExists(organization)) return organization
    throw new PortcullisError('credentials-refused', 'This identity belongs to no organization here.')
  }
}

function claimAt(claims: JWTPayload, path: string): unknown {
  // a claim may itself be named with dots, as URLs are
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

async function discoveredKeys(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await boundedFetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' })
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
  // OpenID Connect Discovery 1.0 section 4.3: the issuer must be exactly the one that was asked for
  if (!response.ok || document.issuer !== issuer || typeof document.jwks_uri !== 'string') {
    throw new Error('the discovery document is not that of the issuer')
  }
  const { protocol } = new URL(document.jwks_uri)
  if (protocol !== 'https:' && protocol !== new URL(issuer).protocol)
    throw new Error('keys must come by https')
  return document.jwks_uri
}

async function boundedFetch(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > RESPONSE_BYTES_MAX) throw new Error('the identity provider answered too much')
    chunks.push(chunk as Uint8Array)
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers })
}

function isProviderFailure(thrown: unknown): boolean {
  if (thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid) return true
  // what is no refusal of the token comes from reading the keys
  return !(thrown instanceof errors.JOSEError) || thrown.code === 'ERR_JOSE_GENERIC'
}

function refused(cause?: unknown): PortcullisError {
  return new PortcullisError('credentials-refused', 'The identity token is not valid here.', { cause })
}

function unavailable(cause: unknown): PortcullisError {
  return new PortcullisError('overloaded', 'The keys of the identity provider cannot be read now.', {
    cause,
    retryAfterSeconds: 5,
  })
}
