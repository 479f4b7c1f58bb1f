import { IAMClient } from '@aws-sdk/client-iam'
import { KMSClient } from '@aws-sdk/client-kms'
import { STSClient } from '@aws-sdk/client-sts'
import type { LocalAws } from '../../../src/local/aws/local-aws.ts'

/** What the SDKs accept as static credentials. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

function options(
  local: Pick<LocalAws, 'endpoint'>,
  credentials: Credentials,
  region: string,
  attemptsMax: number,
) {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return {
    endpoint: local.endpoint,
    region,
    maxAttempts: attemptsMax,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
  }
}

/** A real KMS client for the local endpoint. */
export function kmsClient(
  local: Pick<LocalAws, 'endpoint'>,
  credentials: Credentials,
  region = 'eu-central-1',
  attemptsMax = 1,
): KMSClient {
  return new KMSClient(options(local, credentials, region, attemptsMax))
}

/** A real STS client for the local endpoint. */
export function stsClient(
  local: Pick<LocalAws, 'endpoint'>,
  credentials: Credentials,
  region = 'eu-central-1',
): STSClient {
  return new STSClient(options(local, credentials, region, 1))
}

/** A real IAM client for the local endpoint. */
export function iamClient(local: Pick<LocalAws, 'endpoint'>, credentials: Credentials): IAMClient {
  return new IAMClient(options(local, credentials, 'us-east-1', 1))
}

/** The AWS error a call ends with; fails when it succeeds. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ name: string; message: string; status: number | undefined }> {
  try {
    await call
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
    return { name, message, status: $metadata?.httpStatusCode }
  }
  throw new Error('the call succeeded, but an error was expected')
}
