import type { AuditSink } from '../audit/sink.ts'
import type { Clock } from '../keyring/clock.ts'
import { AwsKeyService, type AwsKeyServiceOptions } from '../kms/aws-key-service.ts'
import type { Settings } from './settings.ts'

/** What the AWS key service is given beside the settings. */
export interface KeyServiceSurroundings {
  readonly clock: Clock
  readonly audit: AuditSink
  readonly observe?: NonNullable<AwsKeyServiceOptions['observe']>
}

/** The AWS side of a configuration. */
export function keyServiceOf(
  { configuration, materials }: Settings,
  surroundings: KeyServiceSurroundings,
): AwsKeyService {
  const { kms } = configuration
  return new AwsKeyService({
    ...surroundings,
    ...awsReach({ configuration, materials }),
    sessionName: kms.roleSessionName,
    attemptTimeoutMs: kms.attemptTimeoutMs,
    requestTimeoutMs: kms.requestTimeoutMs,
    verifyTimeoutMs: kms.verifyTimeoutMs,
    retryTokensMax: kms.retriesMax,
    retryRefillIntervalMs: kms.retryRefillIntervalMs,
    socketsMax: kms.socketsMax,
  })
}

/** Where AWS is, and as whom it is asked. */
export function awsReach({
  configuration: { kms },
  materials,
}: Settings): Pick<AwsKeyServiceOptions, 'baseCredentials'> &
  Required<Pick<AwsKeyServiceOptions, 'endpoints'>> {
  const regional = (template: string | undefined) => (region: string) =>
    template?.replaceAll('{region}', region)
  return {
    endpoints: { kms: regional(kms.kmsEndpoint), sts: regional(kms.stsEndpoint) },
    ...baseCredentials(materials.kmsCredentials),
  }
}

// Without credentials of its own the SDK's default provider chain decides.
function baseCredentials(
  credentials: Settings['materials']['kmsCredentials'],
): Pick<AwsKeyServiceOptions, 'baseCredentials'> {
  if (credentials === undefined) return {}
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return {
    baseCredentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
  }
}
