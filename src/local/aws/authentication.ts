import { AwsError } from './aws-error.ts'
import type { Service } from './call.ts'
import { resolveCredentials, type SigningIdentity } from './credentials.ts'
import type { Principal } from './principal.ts'
import { parseAuthorization, signatureMatches, type Authorization, type SignedRequest } from './signature.ts'
import type { AwsState } from './state/model.ts'

const SKEW_MS_MAX = 5 * 60_000
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/

/** The errors of one protocol: JSON services and query services name the same failures differently. */
interface Dialect {
  readonly missing: string
  readonly incomplete: string
  readonly unknownKey: string
  readonly expired: string
  readonly mismatch: string
  readonly status: number
}

const JSON_DIALECT: Dialect = {
  missing: 'MissingAuthenticationTokenException',
  incomplete: 'IncompleteSignatureException',
  unknownKey: 'UnrecognizedClientException',
  expired: 'ExpiredTokenException',
  mismatch: 'InvalidSignatureException',
  status: 400,
}
const QUERY_DIALECT: Dialect = {
  missing: 'MissingAuthenticationToken',
  incomplete: 'IncompleteSignature',
  unknownKey: 'InvalidClientTokenId',
  expired: 'ExpiredToken',
  mismatch: 'SignatureDoesNotMatch',
  status: 403,
}

function dialectOf(service: Service): Dialect {
  return service === 'kms' ? JSON_DIALECT : QUERY_DIALECT
}

/** Reads the `Authorization` header and its scope; throws AWS's errors for a missing or malformed one. */
export function readAuthorization(service: Service, header: string | undefined): Authorization {
  const dialect = dialectOf(service)
  if (header === undefined)
    throw new AwsError(dialect.missing, 'Missing Authentication Token', dialect.status)
  const authorization = parseAuthorization(header)
  if (typeof authorization === 'string') throw new AwsError(dialect.incomplete, authorization)
  if (authorization.service !== service) {
    throw new AwsError(
      dialect.mismatch,
      `Credential should be scoped to correct service: '${service}'.`,
      dialect.status,
    )
  }
  if (!/^[a-z]{2}(-[a-z]+){1,2}-\d$/.test(authorization.region)) {
    throw new AwsError(dialect.mismatch, 'Credential should be scoped to a valid region.', dialect.status)
  }
  return authorization
}

/** Who the access key belongs to; throws for an unknown key, a foreign or an expired session token. */
export function identify(
  state: AwsState,
  service: Service,
  authorization: Authorization,
  sessionToken: string | undefined,
  nowMs: number,
): SigningIdentity {
  const dialect = dialectOf(service)
  const identity = resolveCredentials(state, authorization.accessKeyId, sessionToken, nowMs)
  if (identity === 'expired') {
    throw new AwsError(
      dialect.expired,
      'The security token included in the request is expired',
      dialect.status,
    )
  }
  if (identity === 'invalid') {
    throw new AwsError(
      dialect.unknownKey,
      'The security token included in the request is invalid.',
      dialect.status,
    )
  }
  return identity
}

/**
 * Verifies the signature, its date (five minutes of skew against `signingClockMs`) and that the headers AWS
 * wants signed are signed. Returns the caller.
 */
export function verifySignature(
  service: Service,
  request: SignedRequest,
  header: (name: string) => string | undefined,
  authorization: Authorization,
  identity: SigningIdentity,
  signingClockMs: number,
): Principal {
  const dialect = dialectOf(service)
  const refuse = (message: string): AwsError => new AwsError(dialect.mismatch, message, dialect.status)
  const amzDate = header('x-amz-date') ?? ''
  const signedAtMs = parseAmzDate(amzDate)
  if (signedAtMs === undefined) {
    throw new AwsError(dialect.incomplete, `Date must be in ISO-8601 'basic format'. Got '${amzDate}'.`)
  }
  if (amzDate.slice(0, 8) !== authorization.date) {
    throw refuse(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
        `'${authorization.date}' != '${amzDate.slice(0, 8)}', from '${amzDate}'.`,
    )
  }
  checkSkew(signedAtMs, signingClockMs, amzDate, refuse)
  for (const name of mustBeSigned(request.rawHeaders)) {
    if (!authorization.signedHeaders.includes(name)) {
      throw refuse(`'${name}' must be a 'SignedHeader' in the AWS Authorization header.`)
    }
  }
  if (!signatureMatches(authorization, request, amzDate, identity.secretAccessKey)) {
    throw refuse(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access ' +
        'Key and signing method. Consult the service documentation for details.',
    )
  }
  return identity.principal
}

function checkSkew(
  signedAtMs: number,
  nowMs: number,
  amzDate: string,
  refuse: (message: string) => AwsError,
): void {
  const now = formatAmzDate(nowMs)
  if (signedAtMs < nowMs - SKEW_MS_MAX) {
    const earliest = formatAmzDate(nowMs - SKEW_MS_MAX)
    throw refuse(`Signature expired: ${amzDate} is now earlier than ${earliest} (${now} - 5 min.)`)
  }
  if (signedAtMs > nowMs + SKEW_MS_MAX) {
    const latest = formatAmzDate(nowMs + SKEW_MS_MAX)
    throw refuse(`Signature not yet current: ${amzDate} is still later than ${latest} (${now} + 5 min.)`)
  }
}

/** AWS insists on `host` and on every `x-amz-` header that steers the call. */
function mustBeSigned(rawHeaders: readonly string[]): string[] {
  const names = ['host']
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (name === 'x-amz-date' || name === 'x-amz-target' || name === 'x-amz-security-token') names.push(name)
  }
  return names
}

function parseAmzDate(text: string): number | undefined {
  const match = AMZ_DATE.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}

function formatAmzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
