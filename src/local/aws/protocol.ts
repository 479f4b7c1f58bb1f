import { AwsError } from './aws-error.ts'
import type { Service } from './call.ts'
import { element, toXml, type XmlValue } from './query/xml.ts'

/** An answer ready to be written. */
export interface WireAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const NAMESPACES = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
}
const JSON_TYPE = 'application/x-amz-json-1.1'

/** A successful answer of a JSON 1.1 service. */
export function jsonAnswer(result: Record<string, unknown> | undefined): WireAnswer {
  // operations without a result answer with no body at all
  return { status: 200, contentType: JSON_TYPE, body: result === undefined ? '' : JSON.stringify(result) }
}

/** A successful answer of a query service. */
export function queryAnswer(
  service: 'sts' | 'iam',
  operation: string,
  result: { readonly [name: string]: XmlValue } | undefined,
  requestId: string,
): WireAnswer {
  const members = result === undefined ? '' : element(`${operation}Result`, result)
  const metadata = element('ResponseMetadata', { RequestId: requestId })
  const body = `<${operation}Response xmlns="${NAMESPACES[service]}">${members}${metadata}</${operation}Response>`
  return { status: 200, contentType: 'text/xml', body }
}

/** An error in the service's protocol. */
export function errorAnswer(service: Service, error: AwsError, requestId: string): WireAnswer {
  if (service === 'kms') {
    const body = error.hasMessage ? { __type: error.code, message: error.message } : { __type: error.code }
    return { status: error.status, contentType: JSON_TYPE, body: JSON.stringify(body) }
  }
  const fault = {
    Error: {
      Type: error.status >= 500 ? 'Receiver' : 'Sender',
      Code: error.code,
      Message: error.hasMessage ? error.message : undefined,
    },
    RequestId: requestId,
  }
  const body = `<ErrorResponse xmlns="${NAMESPACES[service]}">${toXml(fault)}</ErrorResponse>`
  return { status: error.status, contentType: 'text/xml', body }
}

/** The error a throttled caller gets. */
export function throttled(service: Service): AwsError {
  if (service !== 'kms') return new AwsError('Throttling', 'Rate exceeded')
  return new AwsError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
}

/** The error of a service that fails inside. */
export function serviceFailure(service: Service, status: 500 | 503): AwsError {
  if (status === 503) {
    return service === 'kms'
      ? new AwsError(
          'DependencyTimeoutException',
          'The system timed out while trying to fulfill the request.',
          503,
        )
      : new AwsError('ServiceUnavailable', 'Service is unavailable.', 503)
  }
  return service === 'kms'
    ? new AwsError('KMSInternalException', 'An internal error occurred.', 500)
    : new AwsError('InternalFailure', 'An internal error occurred.', 500)
}
