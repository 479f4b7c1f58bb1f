import type { ErrorCode, ErrorOptions } from '../../errors.ts'
import { PortcullisError } from '../../errors.ts'

interface ErrorRow {
  readonly status: number
  readonly message: string
  readonly kind?: ErrorCode
}

const PARSE_MESSAGE =
  'The XML you provided was not well-formed or did not validate against our published schema.'

/** Every S3 error code this gateway itself answers with (Amazon S3 API reference, "Error responses"). */
const S3_ERROR_TABLE = {
  AccessDenied: { status: 403, message: 'Access Denied.' },
  AccessForbidden: { status: 403, message: 'Access Forbidden.' },
  AuthorizationHeaderMalformed: { status: 400, message: 'The authorization header is malformed.' },
  AuthorizationQueryParametersError: {
    status: 400,
    message:
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
  },
  BadDigest: {
    status: 400,
    message: 'The Content-MD5 or checksum you specified did not match what we received.',
  },
  BadRequest: { status: 400, message: 'The request is not valid.' },
  BucketAlreadyExists: { status: 409, message: 'The requested bucket name is not available.' },
  BucketAlreadyOwnedByYou: {
    status: 409,
    message: 'Your previous request to create the named bucket succeeded and you already own it.',
  },
  BucketNotEmpty: { status: 409, message: 'The bucket you tried to delete is not empty.' },
  CiphertextInvalid: {
    status: 502,
    message: 'The stored object does not authenticate.',
    kind: 'ciphertext-invalid',
  },
  ConditionalRequestConflict: {
    status: 409,
    message: 'A conflicting operation occurred during the request. Please retry.',
  },
  EntityTooLarge: { status: 400, message: 'Your proposed upload exceeds the maximum allowed object size.' },
  EntityTooSmall: {
    status: 400,
    message: 'Your proposed upload is smaller than the minimum allowed object size.',
  },
  IncompleteBody: {
    status: 400,
    message: 'You did not provide the number of bytes specified by the Content-Length HTTP header.',
  },
  InternalError: {
    status: 500,
    message: 'We encountered an internal error. Please try again.',
    kind: 'internal',
  },
  InvalidAccessKeyId: {
    status: 403,
    message: 'The AWS Access Key Id you provided does not exist in our records.',
  },
  InvalidArgument: { status: 400, message: 'Invalid Argument.' },
  InvalidBucketName: { status: 400, message: 'The specified bucket is not valid.' },
  InvalidDigest: { status: 400, message: 'The Content-MD5 you specified is not valid.' },
  InvalidPart: {
    status: 400,
    message:
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  },
  InvalidPartNumber: { status: 416, message: 'The requested partnumber is not satisfiable.' },
  InvalidPartOrder: {
    status: 400,
    message: 'The list of parts was not in ascending order. Parts must be ordered by part number.',
  },
  InvalidPolicyDocument: {
    status: 400,
    message: 'The content of the form does not meet the conditions specified in the policy document.',
  },
  InvalidRange: { status: 416, message: 'The requested range is not satisfiable.' },
  InvalidRequest: { status: 400, message: 'Invalid Request.' },
  InvalidTag: { status: 400, message: 'The tag provided was not a valid tag.' },
  InvalidToken: { status: 400, message: 'The provided token is malformed or otherwise not valid.' },
  InvalidURI: { status: 400, message: "The specified URI couldn't be parsed." },
  KeyTooLongError: { status: 400, message: 'Your key is too long.' },
  MalformedPOSTRequest: {
    status: 400,
    message: 'The body of your POST request is not well-formed multipart/form-data.',
  },
  MalformedTrailerError: {
    status: 400,
    message:
      'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  },
  MalformedXML: { status: 400, message: PARSE_MESSAGE },
  MaxMessageLengthExceeded: { status: 400, message: 'Your request was too big.', kind: 'body-too-large' },
  MaxPostPreDataLengthExceededError: {
    status: 400,
    message: 'Your POST request fields preceding the upload file were too large.',
    kind: 'body-too-large',
  },
  MetadataTooLarge: {
    status: 400,
    message: 'Your metadata headers exceed the maximum allowed metadata size.',
    kind: 'headers-too-large',
  },
  MethodNotAllowed: {
    status: 405,
    message: 'The specified method is not allowed against this resource.',
    kind: 'method-not-allowed',
  },
  MissingContentLength: {
    status: 411,
    message: 'You must provide the Content-Length HTTP header.',
    kind: 'length-required',
  },
  MissingRequestBodyError: { status: 400, message: 'Request body is empty.' },
  MissingSecurityHeader: { status: 400, message: 'Your request was missing a required header.' },
  NoSuchBucket: { status: 404, message: 'The specified bucket does not exist.', kind: 'store-unknown' },
  NoSuchKey: { status: 404, message: 'The specified key does not exist.', kind: 'store-unknown' },
  NoSuchCORSConfiguration: {
    status: 404,
    message: 'The CORS configuration does not exist.',
    kind: 'store-unknown',
  },
  NoSuchTagSet: { status: 404, message: 'The TagSet does not exist.', kind: 'store-unknown' },
  NoSuchUpload: {
    status: 404,
    message:
      'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    kind: 'store-unknown',
  },
  NoSuchVersion: { status: 404, message: 'The specified version does not exist.', kind: 'store-unknown' },
  NotImplemented: {
    status: 501,
    message: 'A header or operation you provided implies functionality that is not implemented.',
    kind: 'route-not-covered',
  },
  PreconditionFailed: {
    status: 412,
    message: 'At least one of the pre-conditions you specified did not hold.',
  },
  RequestHeaderSectionTooLarge: {
    status: 400,
    message: 'Your request header section exceeds the maximum allowed size.',
    kind: 'headers-too-large',
  },
  RequestTimeout: {
    status: 400,
    message:
      'Your socket connection to the server was not read from or written to within the timeout period.',
    kind: 'request-timeout',
  },
  RequestTimeTooSkewed: {
    status: 403,
    message: 'The difference between the request time and the current time is too large.',
  },
  ServiceUnavailable: {
    status: 503,
    message: 'Service is unable to handle request.',
    kind: 'key-service-unavailable',
  },
  SignatureDoesNotMatch: {
    status: 403,
    message:
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  },
  SlowDown: { status: 503, message: 'Please reduce your request rate.', kind: 'overloaded' },
  TenantSuspended: {
    status: 423,
    message: 'Access to the key of this tenant has been revoked.',
    kind: 'tenant-suspended',
  },
  XAmzContentSHA256Mismatch: {
    status: 400,
    message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    kind: 'integrity-mismatch',
  },
} as const satisfies Record<string, ErrorRow>

/** The `<Code>` of an S3 error. */
export type S3ErrorCode = keyof typeof S3_ERROR_TABLE

const KIND_BY_STATUS: Readonly<Record<number, ErrorCode>> = { 403: 'credentials-refused' }

/** A refusal with S3's own code. `fields` become further elements of the error document. */
export class S3Error extends PortcullisError {
  readonly s3Code: S3ErrorCode
  readonly fields: Readonly<Record<string, string>>

  constructor(
    code: S3ErrorCode,
    message?: string,
    fields: Readonly<Record<string, string>> = {},
    options: ErrorOptions = {},
  ) {
    const row: ErrorRow = S3_ERROR_TABLE[code]
    super(row.kind ?? KIND_BY_STATUS[row.status] ?? 'request-malformed', message ?? row.message, options)
    this.name = 'S3Error'
    this.s3Code = code
    this.fields = fields
  }

  override get status(): number {
    return S3_ERROR_TABLE[this.s3Code].status
  }
}

/** The S3 code for a refusal raised by a stage that knows no S3. */
const S3_CODE_BY_KIND: Readonly<Partial<Record<ErrorCode, S3ErrorCode>>> = {
  'request-malformed': 'InvalidRequest',
  'body-length-wrong': 'IncompleteBody',
  'integrity-mismatch': 'BadDigest',
  'tenant-required': 'AccessDenied',
  'credentials-required': 'AccessDenied',
  'credentials-refused': 'AccessDenied',
  'route-not-covered': 'NotImplemented',
  'tenant-unknown': 'AccessDenied',
  'store-unknown': 'NoSuchBucket',
  'method-not-allowed': 'MethodNotAllowed',
  'request-timeout': 'RequestTimeout',
  'length-required': 'MissingContentLength',
  'body-too-large': 'EntityTooLarge',
  'tenant-suspended': 'TenantSuspended',
  'ciphertext-invalid': 'CiphertextInvalid',
  'too-many-requests': 'SlowDown',
  'headers-too-large': 'RequestHeaderSectionTooLarge',
  'key-service-unavailable': 'ServiceUnavailable',
  overloaded: 'SlowDown',
  draining: 'ServiceUnavailable',
}

/** `<Code>` and HTTP status for any refusal; one raised outside S3 keeps its own status. */
export function s3CodeOf(error: PortcullisError): S3ErrorCode {
  return error instanceof S3Error ? error.s3Code : (S3_CODE_BY_KIND[error.code] ?? 'InternalError')
}
