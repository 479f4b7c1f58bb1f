import type { DenialReason } from '../keyring/key-service.ts'

/**
 * What an error of AWS KMS, AWS STS or the way to them says about access.
 * - `denied`: an explicit verdict of the customer's side; suspends.
 * - `unavailable`: no verdict; another region or a later attempt may give one.
 * - `defect`: our request or our data is wrong; fails closed, suspends nobody.
 */
export type Outcome =
  | { readonly kind: 'denied'; readonly reason: DenialReason }
  | { readonly kind: 'unavailable'; readonly staleCredentials?: true }
  | { readonly kind: 'defect' }

/** Which service an error came from; `any` rows hold for both. */
export type AwsService = 'kms' | 'sts'

/** One row of the table. The first row whose name, service and message fit wins. */
export interface OutcomeRow {
  /** AWS error code, or the code or name of a Node.js error. */
  readonly error: string
  readonly service: AwsService | 'any'
  /** When present, the row holds only for messages that match. */
  readonly message?: RegExp
  readonly outcome: Outcome
}

const ACCESS_DENIED: Outcome = { kind: 'denied', reason: 'access-denied' }
const KEY_DISABLED: Outcome = { kind: 'denied', reason: 'key-disabled' }
const KEY_PENDING_DELETION: Outcome = { kind: 'denied', reason: 'key-pending-deletion' }
const KEY_NOT_FOUND: Outcome = { kind: 'denied', reason: 'key-not-found' }
const UNAVAILABLE: Outcome = { kind: 'unavailable' }
/** The session credentials are no longer accepted: no verdict on the key, and worth one try with fresh ones. */
const STALE_CREDENTIALS: Outcome = { kind: 'unavailable', staleCredentials: true }
const DEFECT: Outcome = { kind: 'defect' }

const SIGNED_AT_A_WRONG_TIME = /signature (expired|not yet current)/i

function rows(service: OutcomeRow['service'], outcome: Outcome, errors: readonly string[]): OutcomeRow[] {
  return errors.map((error) => ({ error, service, outcome }))
}

/** Every error name of KMS and STS and of the transport below them. Order matters only among rows of one name. */
export const OUTCOME_TABLE: readonly OutcomeRow[] = [
  // Explicit verdicts on the key or the role. A skewed clock can dress up as a denial and is sorted out first.
  { error: 'AccessDeniedException', service: 'any', message: SIGNED_AT_A_WRONG_TIME, outcome: UNAVAILABLE },
  ...rows('any', ACCESS_DENIED, [
    'AccessDeniedException',
    'AccessDenied',
    'NotAuthorized',
    'UnauthorizedOperation',
  ]),
  ...rows('kms', KEY_DISABLED, ['DisabledException']),
  ...rows('kms', KEY_NOT_FOUND, ['NotFoundException']),

  // KMS key states (AWS KMS Developer Guide, "Key states of AWS KMS keys"), told apart by message alone.
  {
    error: 'KMSInvalidStateException',
    service: 'kms',
    message: /pending (replica )?deletion/i,
    outcome: KEY_PENDING_DELETION,
  },
  // Imported key material that the customer deleted or let expire: the key is there and refuses to work.
  { error: 'KMSInvalidStateException', service: 'kms', message: /pending import/i, outcome: KEY_DISABLED },
  { error: 'KMSInvalidStateException', service: 'kms', message: /is disabled/i, outcome: KEY_DISABLED },
  // Creating, Updating and Unavailable (custom key store out of reach) pass by themselves.
  {
    error: 'KMSInvalidStateException',
    service: 'kms',
    message: /creating|updating|unavailable|not available|connect|key store/i,
    outcome: UNAVAILABLE,
  },
  { error: 'KMSInvalidStateException', service: 'kms', outcome: DEFECT },

  // KMS cannot answer now.
  ...rows('kms', UNAVAILABLE, [
    'DependencyTimeoutException',
    'KMSInternalException',
    'KeyUnavailableException',
    'CloudHsmClusterNotActiveException',
    'CustomKeyStoreInvalidStateException',
    'XksProxyInvalidResponseException',
    'XksProxyUriUnreachableException',
  ]),

  // Either service cannot answer now.
  ...rows('any', UNAVAILABLE, [
    'BandwidthLimitExceeded',
    'EC2ThrottledException',
    'HttpTimeoutException',
    'InternalError',
    'InternalFailure',
    'InternalServerError',
    'InternalServerException',
    'InternalServiceException',
    'LimitExceededException',
    'PriorRequestNotComplete',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'RequestThrottled',
    'RequestThrottledException',
    'RequestTimeout',
    'RequestTimeoutException',
    'ServiceUnavailable',
    'ServiceUnavailableException',
    'SlowDown',
    'ThrottledException',
    'Throttling',
    'ThrottlingException',
    'TooManyRequestsException',
    'TransactionInProgressException',
  ]),

  // Clock skew and our own credentials: the vendor's trouble, never the customer's decision.
  ...rows('any', UNAVAILABLE, [
    'InvalidSignatureException',
    'RequestExpired',
    'RequestInTheFuture',
    'RequestTimeTooSkewed',
    'SignatureDoesNotMatch',
  ]),
  ...rows('kms', STALE_CREDENTIALS, [
    'ExpiredToken',
    'ExpiredTokenException',
    'InvalidClientTokenId',
    'UnrecognizedClientException',
  ]),
  ...rows('sts', UNAVAILABLE, [
    'ExpiredToken',
    'ExpiredTokenException',
    'ExpiredTradeInTokenException',
    'IDPCommunicationError',
    'IDPCommunicationErrorException',
    'IDPRejectedClaim',
    'IDPRejectedClaimException',
    'InvalidClientTokenId',
    'InvalidIdentityToken',
    'InvalidIdentityTokenException',
    'UnrecognizedClientException',
  ]),
  ...rows('any', UNAVAILABLE, [
    'AuthFailure',
    'CredentialsProviderError',
    'OptInRequired',
    'ProviderError',
    'RegionDisabledException',
    'TokenProviderError',
  ]),

  // Malformed by us, or about something that we never ask for.
  ...rows('any', DEFECT, [
    'IncompleteSignature',
    'IncompleteSignatureException',
    'InvalidAction',
    'InvalidParameterCombination',
    'InvalidParameterValue',
    'InvalidQueryParameter',
    'MalformedHttpRequestException',
    'MalformedQueryString',
    'MissingAction',
    'MissingAuthenticationToken',
    'MissingAuthenticationTokenException',
    'MissingParameter',
    'RequestAbortedException',
    'RequestEntityTooLargeException',
    'SerializationException',
    'UnknownOperationException',
    'ValidationError',
    'ValidationException',
  ]),
  ...rows('kms', DEFECT, [
    'AlreadyExistsException',
    'CloudHsmClusterInUseException',
    'CloudHsmClusterInvalidConfigurationException',
    'CloudHsmClusterNotFoundException',
    'CloudHsmClusterNotRelatedException',
    'ConflictException',
    'CustomKeyStoreHasCMKsException',
    'CustomKeyStoreNameInUseException',
    'CustomKeyStoreNotFoundException',
    'DryRunOperationException',
    'ExpiredImportTokenException',
    'IncorrectKeyException',
    'IncorrectKeyMaterialException',
    'IncorrectTrustAnchorException',
    'InvalidAliasNameException',
    'InvalidArnException',
    'InvalidCiphertextException',
    'InvalidGrantIdException',
    'InvalidGrantTokenException',
    'InvalidImportTokenException',
    'InvalidKeyUsageException',
    'InvalidMarkerException',
    'KMSInvalidMacException',
    'KMSInvalidSignatureException',
    'MalformedPolicyDocumentException',
    'TagException',
    'UnsupportedOperationException',
    'XksKeyAlreadyInUseException',
    'XksKeyInvalidConfigurationException',
    'XksKeyNotFoundException',
    'XksProxyIncorrectAuthenticationCredentialException',
    'XksProxyInvalidConfigurationException',
    'XksProxyUriEndpointInUseException',
    'XksProxyUriInUseException',
    'XksProxyVpcEndpointServiceInUseException',
    'XksProxyVpcEndpointServiceInvalidConfigurationException',
    'XksProxyVpcEndpointServiceNotFoundException',
  ]),
  ...rows('sts', DEFECT, [
    'InvalidAuthorizationMessageException',
    'JWTPayloadSizeExceeded',
    'JWTPayloadSizeExceededException',
    'MalformedPolicyDocument',
    'MalformedPolicyDocumentException',
    'OutboundWebIdentityFederationDisabled',
    'OutboundWebIdentityFederationDisabledException',
    'PackedPolicyTooLarge',
    'PackedPolicyTooLargeException',
    'SessionDurationEscalation',
    'SessionDurationEscalationException',
  ]),

  // The way there: sockets, DNS, TLS, our own attempt timeout.
  ...rows('any', UNAVAILABLE, [
    'AbortError',
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'EAI_AGAIN',
    'EAI_FAIL',
    'EAI_NODATA',
    'EAI_NONAME',
    'EADDRNOTAVAIL',
    'ECONNABORTED',
    'ECONNREFUSED',
    'ECONNRESET',
    'EHOSTDOWN',
    'EHOSTUNREACH',
    'EMFILE',
    'ENETDOWN',
    'ENETUNREACH',
    'ENFILE',
    'ENOBUFS',
    'ENOTFOUND',
    'EPIPE',
    'EPROTO',
    'ERR_SOCKET_CONNECTION_TIMEOUT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ESERVFAIL',
    'ETIMEDOUT',
    'ETIMEOUT',
    'HPE_INVALID_CONSTANT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'TimeoutError',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ]),
]
