import type { IncomingMessage } from 'node:http'
import { identify, readAuthorization, verifySignature } from './authentication.ts'
import { AwsError } from './aws-error.ts'
import type { Call, Service } from './call.ts'
import type { Counters } from './counters.ts'
import { requestParameters, trailTime, userIdentity, type EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import { IAM_OPERATIONS } from './iam/operations.ts'
import { newRequestId } from './identifiers.ts'
import { Input } from './kms/input.ts'
import { KMS_OPERATIONS } from './kms/operations.ts'
import {
  errorAnswer,
  jsonAnswer,
  queryAnswer,
  serviceFailure,
  throttled,
  type WireAnswer,
} from './protocol.ts'
import { parseRequest, serviceOf, type WireRequest } from './request.ts'
import { STS_OPERATIONS } from './sts/operations.ts'
import type { StateFile } from './state/state-file.ts'

/** What the operations work with. */
export interface ServiceParts {
  readonly file: StateFile
  readonly events: EventLog
  readonly counters: Counters
  readonly faults: Faults
  /** The services' clock, milliseconds since the epoch: key states, sessions, rotation. */
  readonly clock: () => number
  /** The clock signatures are checked against; the real one, so that clients sign as usual. */
  readonly signingClock: () => number
  readonly keyTransitionMs: number
}

/** What the server has to do with a request. */
export type ServiceOutcome =
  | { readonly kind: 'answer'; readonly answer: WireAnswer; readonly requestId: string }
  | { readonly kind: 'reset' | 'hang' }

/** Runs one AWS request from authentication to the event log. `delay` waits for an injected latency. */
export async function serve(
  parts: ServiceParts,
  request: IncomingMessage,
  body: Buffer,
  delay: (ms: number) => Promise<void>,
): Promise<ServiceOutcome> {
  const requestId = newRequestId()
  let service = serviceOf(request)
  let operation = 'Unknown'
  let region = 'unknown'
  const answer = (wire: WireAnswer, outcome: string): ServiceOutcome => {
    parts.counters.record(service, operation, region, outcome)
    return { kind: 'answer', answer: wire, requestId }
  }
  try {
    const wire = parseRequest(request, body)
    service = wire.service
    operation = wire.operation
    const authorization = readAuthorization(service, request.headers.authorization)
    region = authorization.region
    const nowMs = parts.clock()
    const sessionToken = singleHeader(request, 'x-amz-security-token')
    const identity = identify(parts.file.state, service, authorization, sessionToken, nowMs)
    const { accountId } = identity.principal
    const verdict = parts.faults.judge({ service, region, operation, accountId })
    if (verdict.latencyMs > 0) await delay(verdict.latencyMs)
    if (verdict.outcome === 'reset' || verdict.outcome === 'hang') {
      parts.counters.record(service, operation, region, verdict.outcome)
      return { kind: verdict.outcome }
    }
    if (verdict.outcome === 'throttle') throw throttled(service)
    if (verdict.outcome === 'error') throw serviceFailure(service, verdict.status)
    const principal = verifySignature(
      service,
      { method: request.method ?? '', target: request.url ?? '/', rawHeaders: request.rawHeaders, body },
      (name) => singleHeader(request, name),
      authorization,
      identity,
      parts.signingClock(),
    )
    const call: Call = {
      service,
      region,
      operation,
      principal,
      requestId,
      nowMs: parts.clock(),
      sourceAddress: (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
      file: parts.file,
      keyTransitionMs: parts.keyTransitionMs,
      resources: [],
      responseElements: null,
      additionalEventData: undefined,
    }
    const result = await runRecorded(parts, call, wire, request.headers['user-agent'] ?? '')
    return answer(result, 'ok')
  } catch (thrown) {
    const error = asAwsError(thrown, service)
    return answer(errorAnswer(service, error, requestId), error.code)
  }
}

/** Runs the operation, makes its changes durable and records it in the trail, whatever its result. */
async function runRecorded(
  parts: ServiceParts,
  call: Call,
  wire: WireRequest,
  userAgent: string,
): Promise<WireAnswer> {
  let failure: AwsError | undefined
  try {
    return await run(call, wire)
  } catch (thrown) {
    failure = asAwsError(thrown, call.service)
    throw thrown
  } finally {
    await parts.file.commit()
    record(parts.events, call, wire, userAgent, failure)
  }
}

async function run(call: Call, wire: WireRequest): Promise<WireAnswer> {
  if (wire.service === 'kms') {
    const operation = KMS_OPERATIONS.get(wire.operation)
    if (!operation) throw new AwsError('UnknownOperationException')
    return jsonAnswer(await operation(call, new Input(wire.members)))
  }
  const operation = (wire.service === 'sts' ? STS_OPERATIONS : IAM_OPERATIONS).get(wire.operation)
  if (!operation) {
    throw new AwsError(
      'InvalidAction',
      `Operation ${wire.operation} is not supported by the local ${wire.service.toUpperCase()}.`,
    )
  }
  return queryAnswer(wire.service, wire.operation, operation(call, wire.form), call.requestId)
}

const READ_ONLY =
  /^(Describe|Get|List|Encrypt$|Decrypt$|Generate|ReEncrypt$|Sign$|Verify|AssumeRole$|DeriveSharedSecret$)/

function record(
  events: EventLog,
  call: Call,
  wire: WireRequest,
  userAgent: string,
  failure: AwsError | undefined,
): void {
  const members = wire.service === 'kms' ? wire.members : Object.fromEntries(wire.form.entries())
  const { Action: _action, Version: _version, ...parameters } = members
  const accounts = new Set([
    call.principal.accountId,
    ...call.resources.map((resource) => resource.accountId),
  ])
  const sharedEventID = accounts.size > 1 ? newRequestId() : undefined
  for (const recipientAccountId of accounts) {
    events.add({
      eventVersion: '1.11',
      userIdentity: userIdentity(call.principal, recipientAccountId),
      eventTime: trailTime(call.nowMs),
      eventSource: `${call.service}.amazonaws.com`,
      eventName: call.operation,
      awsRegion: call.region,
      sourceIPAddress: call.sourceAddress,
      userAgent: userAgent.slice(0, 512),
      ...(failure && { errorCode: failure.code.replace(/^AccessDeniedException$/, 'AccessDenied') }),
      ...(failure?.hasMessage === true && { errorMessage: failure.message }),
      requestParameters: requestParameters(parameters),
      responseElements: failure ? null : (call.responseElements ?? null),
      ...(call.additionalEventData && !failure && { additionalEventData: call.additionalEventData }),
      requestID: call.requestId,
      eventID: newRequestId(),
      readOnly: READ_ONLY.test(call.operation),
      resources: call.resources.map(({ arn, accountId, type }) => ({ accountId, type, ARN: arn })),
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId,
      ...(sharedEventID !== undefined && { sharedEventID }),
      eventCategory: 'Management',
    })
  }
}

function asAwsError(thrown: unknown, service: Service): AwsError {
  return thrown instanceof AwsError ? thrown : serviceFailure(service, 500)
}

function singleHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
