import { randomBytes } from 'node:crypto'
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { classify } from '../kms/classify.ts'
import type { AwsCredentials, AwsEndpoints, BaseCredentials } from '../kms/regional-clients.ts'
import type { AwsProbe, KeyDescription, ProbeOutcome, RefusedBy, RoleSession } from './probe.ts'

/** How a probe reaches AWS. */
export interface AwsProbeOptions {
  readonly endpoints?: AwsEndpoints
  /** The gateway's own credentials; absent: the SDK's default provider chain. */
  readonly baseCredentials?: BaseCredentials
}

const SESSION_NAME = 'portcullis-verification'
const SESSION_SECONDS = 900
const ATTEMPTS_MAX = 3
const PROBE_BYTES = 32
const DENIED = new Set(['AccessDenied', 'AccessDeniedException'])

/** A probe that asks AWS itself. */
export function awsProbe(options: AwsProbeOptions = {}): AwsProbe {
  const clients: { destroy(): void }[] = []
  const kept = <Client extends { destroy(): void }>(client: Client): Client => {
    clients.push(client)
    return client
  }
  return {
    async assumeRole(region, roleArn, externalId) {
      const endpoint = options.endpoints?.sts?.(region)
      const sts = kept(
        new STSClient({
          region,
          maxAttempts: ATTEMPTS_MAX,
          ...(endpoint !== undefined && { endpoint }),
          ...(options.baseCredentials !== undefined && { credentials: options.baseCredentials }),
        }),
      )
      return await outcomeOf('sts', async () => {
        const answer = await sts.send(
          new AssumeRoleCommand({
            RoleArn: roleArn,
            RoleSessionName: SESSION_NAME,
            DurationSeconds: SESSION_SECONDS,
            ExternalId: externalId,
          }),
        )
        const { AccessKeyId, SecretAccessKey, SessionToken } = answer.Credentials ?? {}
        if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
          throw new Error('AssumeRole answered without credentials')
        }
        const credentials = {
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: SessionToken,
        }
        return roleSession((keyRegion) => kept(kmsClient(keyRegion, credentials, options.endpoints)))
      })
    },
    close() {
      for (const client of clients) client.destroy()
    },
  }
}

function roleSession(newClient: (region: string) => KMSClient): RoleSession {
  const clients = new Map<string, KMSClient>()
  const kms = (region: string): KMSClient => {
    const client = clients.get(region) ?? newClient(region)
    clients.set(region, client)
    return client
  }
  return {
    describeKey: (region, keyArn) =>
      outcomeOf('kms', async () => {
        const { KeyMetadata } = await kms(region).send(new DescribeKeyCommand({ KeyId: keyArn }))
        const description: KeyDescription = {
          state: KeyMetadata?.KeyState ?? 'unknown',
          usage: KeyMetadata?.KeyUsage,
          spec: KeyMetadata?.KeySpec,
          origin: KeyMetadata?.Origin,
          multiRegion: KeyMetadata?.MultiRegion ?? false,
          primaryKeyArn: KeyMetadata?.MultiRegionConfiguration?.PrimaryKey?.Arn,
        }
        return description
      }),
    rotationStatus: (region, keyArn) =>
      outcomeOf('kms', async () => {
        const answer = await kms(region).send(new GetKeyRotationStatusCommand({ KeyId: keyArn }))
        return answer.KeyRotationEnabled === true
      }),
    encrypt: (region, keyArn, context) =>
      outcomeOf('kms', async () => {
        const command = new EncryptCommand({
          KeyId: keyArn,
          Plaintext: randomBytes(PROBE_BYTES),
          EncryptionContext: { ...context },
        })
        return (await kms(region).send(command)).CiphertextBlob ?? new Uint8Array(0)
      }),
    decrypt: (region, keyArn, ciphertext, context) =>
      outcomeOf('kms', async () => {
        const command = new DecryptCommand({
          KeyId: keyArn,
          CiphertextBlob: ciphertext,
          EncryptionContext: { ...context },
        })
        const { Plaintext } = await kms(region).send(command)
        Plaintext?.fill(0)
        return undefined
      }),
    generateDataKey: (region, keyArn, context) =>
      outcomeOf('kms', async () => {
        const command = new GenerateDataKeyCommand({
          KeyId: keyArn,
          KeySpec: 'AES_256',
          EncryptionContext: { ...context },
          DryRun: true,
        })
        await kms(region).send(command)
        return undefined
      }),
  }
}

function kmsClient(
  region: string,
  credentials: AwsCredentials,
  endpoints: AwsEndpoints | undefined,
): KMSClient {
  const endpoint = endpoints?.kms?.(region)
  return new KMSClient({
    region,
    credentials,
    maxAttempts: ATTEMPTS_MAX,
    ...(endpoint !== undefined && { endpoint }),
  })
}

async function outcomeOf<Value>(
  service: 'kms' | 'sts',
  call: () => Promise<Value>,
): Promise<ProbeOutcome<Value>> {
  try {
    return { verdict: 'allowed', value: await call() }
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : ''
    const { outcome, awsError } = classify(service, thrown)
    if (outcome.kind === 'denied' && DENIED.has(awsError)) {
      return { verdict: 'refused', by: refusedBy(message), awsError, message }
    }
    return { verdict: outcome.kind === 'unavailable' ? 'unanswered' : 'failed', awsError, message }
  }
}

/** AWS ends its access refusals with the kind of policy that decided (IAM user guide: access denied messages). */
function refusedBy(message: string): RefusedBy {
  if (/with an explicit deny/.test(message)) return 'explicit-deny'
  if (/no resource-based policy allows/.test(message)) return 'key-policy'
  if (/no identity-based policy allows/.test(message)) return 'role-policy'
  return 'unknown'
}
