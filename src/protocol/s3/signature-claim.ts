import type { RawHeaders } from '../../wire/raw-headers.ts'
import { headerValue } from '../../wire/raw-headers.ts'
import { amzTimestamp, parseAmzTimestamp } from './amz-date.ts'
import { S3Error } from './errors.ts'
import { requiredField } from './form-reader.ts'
import { Remembered } from './remembered.ts'
import type { SigningScope } from './signing-key.ts'
import type { QueryParameter } from './uri-encoding.ts'

/** What a request says about its own signature, well-formed but not yet believed. */
export interface SignatureClaim {
  readonly place: 'header' | 'query' | 'form'
  readonly accessKeyId: string
  readonly scope: SigningScope
  /** Lower-case, sorted. */
  readonly signedHeaders: readonly string[]
  /** 64 lower-case hex digits. */
  readonly signature: string
  readonly timestamp: string
  readonly timestampMs: number
  /** Lifetime of a presigned request. */
  readonly expiresSeconds: number | undefined
}

const EXPIRES_SECONDS_MAX = 604_800
const MECHANISM_MESSAGE =
  'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.'
const CREDENTIAL_FORM = 'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'

interface ClaimedCredential {
  readonly accessKeyId: string
  readonly scope: SigningScope
}

const credentials = new Remembered<ClaimedCredential>()
const headerLists = new Remembered<readonly string[]>()

/** Refuses a claim in the words of the place where it stood. */
type Refuse = (detail: string) => S3Error

/**
 * Reads the claim from the `Authorization` header or from a presigned query.
 * Throws `AccessDenied` for a request that carries none, else S3's error for the part that is malformed.
 */
export function readSignatureClaim(headers: RawHeaders, query: readonly QueryParameter[]): SignatureClaim {
  const authorization = headerValue(headers, 'authorization')
  const presigned = query.some(({ name }) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')
  if (authorization !== undefined) {
    if (presigned) {
      throw new S3Error(
        'InvalidArgument',
        'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified.',
      )
    }
    return headerClaim(authorization, headers)
  }
  if (presigned) return queryClaim(query)
  if (query.some(({ name }) => name === 'AWSAccessKeyId'))
    throw new S3Error('InvalidRequest', MECHANISM_MESSAGE)
  throw new S3Error('AccessDenied')
}

/**
 * Reads the claim from the fields of a form, by lower-case name, which signs its policy.
 * Throws `AccessDenied` for a form that has no policy, else S3's error for the field that is missing or malformed.
 */
export function readFormClaim(values: ReadonlyMap<string, string>): SignatureClaim {
  if (values.has('x-amz-security-token')) throw new S3Error('InvalidToken')
  if (values.has('awsaccesskeyid')) throw new S3Error('InvalidRequest', MECHANISM_MESSAGE)
  if (!values.has('policy')) throw new S3Error('AccessDenied')
  const refuse: Refuse = (detail) => new S3Error('InvalidArgument', detail)
  if (requiredField(values, 'x-amz-algorithm') !== 'AWS4-HMAC-SHA256')
    throw refuse('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  const timestamp = requiredField(values, 'x-amz-date')
  const timestampMs = parseAmzTimestamp(timestamp)
  if (timestampMs === undefined)
    throw refuse(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
  return {
    place: 'form',
    ...credentialOf(requiredField(values, 'x-amz-credential'), timestamp, refuse),
    signedHeaders: [],
    signature: requiredField(values, 'x-amz-signature'),
    timestamp,
    timestampMs,
    expiresSeconds: undefined,
  }
}

function headerClaim(authorization: string, headers: RawHeaders): SignatureClaim {
  if (!/^AWS4-HMAC-SHA256[ \t]/.test(authorization)) throw new S3Error('InvalidRequest', MECHANISM_MESSAGE)
  const refuse: Refuse = (detail) =>
    new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${detail}`)
  const components = new Map<string, string>()
  for (const part of authorization.slice('AWS4-HMAC-SHA256'.length).split(',')) {
    const component = part.trim()
    const equals = component.indexOf('=')
    const name = component.slice(0, Math.max(equals, 0))
    if (equals < 1 || components.has(name))
      throw refuse(
        'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
      )
    components.set(name, component.slice(equals + 1))
  }
  const timestamp = headerTimestamp(headers)
  return {
    place: 'header',
    ...credentialOf(components.get('Credential'), timestamp.text, refuse),
    signedHeaders: signedHeadersOf(components.get('SignedHeaders'), refuse),
    signature: signatureOf(components.get('Signature'), refuse),
    timestamp: timestamp.text,
    timestampMs: timestamp.epochMs,
    expiresSeconds: undefined,
  }
}

function queryClaim(query: readonly QueryParameter[]): SignatureClaim {
  const refuse: Refuse = (detail) => new S3Error('AuthorizationQueryParametersError', detail)
  const parameter = (name: string): string => {
    const found = query.filter((candidate) => candidate.name === name)
    if (found.length !== 1) throw new S3Error('AuthorizationQueryParametersError')
    return found[0]!.value
  }
  if (parameter('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256')
    throw refuse('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  const timestamp = parameter('X-Amz-Date')
  const timestampMs = parseAmzTimestamp(timestamp)
  if (timestampMs === undefined)
    throw refuse(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
  const refuseCredential: Refuse = (detail) =>
    refuse(`Error parsing the X-Amz-Credential parameter; ${detail}`)
  return {
    place: 'query',
    ...credentialOf(parameter('X-Amz-Credential'), timestamp, refuseCredential),
    signedHeaders: signedHeadersOf(parameter('X-Amz-SignedHeaders'), refuse),
    signature: signatureOf(parameter('X-Amz-Signature'), refuse),
    timestamp,
    timestampMs,
    expiresSeconds: expiresOf(parameter('X-Amz-Expires'), refuse),
  }
}

function headerTimestamp(headers: RawHeaders): { text: string; epochMs: number } {
  const amzDate = headerValue(headers, 'x-amz-date')
  if (amzDate !== undefined) {
    const epochMs = parseAmzTimestamp(amzDate)
    if (epochMs !== undefined) return { text: amzDate, epochMs }
  } else {
    const date = headerValue(headers, 'date')
    const epochMs = date === undefined ? Number.NaN : (parseAmzTimestamp(date) ?? Date.parse(date))
    if (!Number.isNaN(epochMs)) return { text: amzTimestamp(epochMs), epochMs }
  }
  throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header.')
}

function credentialOf(text: string | undefined, timestamp: string, refuse: Refuse): ClaimedCredential {
  if (text === undefined) throw refuse('missing Credential.')
  const claimed = credentials.get(text) ?? credentials.keep(text, parseCredential(text, refuse))
  const { date } = claimed.scope
  if (date !== timestamp.slice(0, 8))
    throw refuse(
      `Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp}".`,
    )
  return claimed
}

function parseCredential(text: string, refuse: Refuse): ClaimedCredential {
  const parts = text.split('/')
  if (parts.length < 5) throw refuse(`the Credential is mal-formed; ${CREDENTIAL_FORM}`)
  const [date, region, service, terminal] = parts.slice(-4) as [string, string, string, string]
  const accessKeyId = parts.slice(0, -4).join('/')
  if (accessKeyId === '') throw refuse(`the Credential is mal-formed; ${CREDENTIAL_FORM}`)
  if (!/^\d{8}$/.test(date))
    throw refuse(
      `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`,
    )
  if (terminal !== 'aws4_request')
    throw refuse(`incorrect terminal "${terminal}". This endpoint uses "aws4_request".`)
  return { accessKeyId, scope: { date, region, service } }
}

function signedHeadersOf(text: string | undefined, refuse: Refuse): readonly string[] {
  if (text === undefined || text === '') throw refuse('missing SignedHeaders.')
  return headerLists.get(text) ?? headerLists.keep(text, parseSignedHeaders(text, refuse))
}

function parseSignedHeaders(text: string, refuse: Refuse): readonly string[] {
  const names = text.split(';')
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index]!
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || (index > 0 && names[index - 1]! >= name)) {
      throw refuse('SignedHeaders is not a sorted list of lower-case header names.')
    }
  }
  return names
}

function signatureOf(text: string | undefined, refuse: Refuse): string {
  if (text === undefined) throw refuse('missing Signature.')
  return text
}

function expiresOf(text: string, refuse: Refuse): number {
  if (/^-\d+$/.test(text)) throw refuse('X-Amz-Expires must be non-negative')
  if (!/^\d{1,12}$/.test(text)) throw refuse('X-Amz-Expires should be a number')
  const seconds = Number(text)
  if (seconds > EXPIRES_SECONDS_MAX) {
    throw refuse(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  }
  return seconds
}
