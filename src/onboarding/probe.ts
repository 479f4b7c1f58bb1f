import type { EncryptionContext } from '../keyring/key-service.ts'

/** Which policy refused, where AWS says so. */
export type RefusedBy = 'key-policy' | 'role-policy' | 'explicit-deny' | 'unknown'

/** What AWS made of one call. */
export type ProbeOutcome<Value> =
  | { readonly verdict: 'allowed'; readonly value: Value }
  /** Access was denied. */
  | {
      readonly verdict: 'refused'
      readonly by: RefusedBy
      readonly awsError: string
      readonly message: string
    }
  /** AWS refused for another reason, such as the state of the key: the permission is there. */
  | { readonly verdict: 'failed'; readonly awsError: string; readonly message: string }
  /** No answer, or one that says nothing about permissions (throttled, 5xx, network). */
  | { readonly verdict: 'unanswered'; readonly awsError: string; readonly message: string }

/** What DescribeKey says. */
export interface KeyDescription {
  /** `Enabled`, `Disabled`, `PendingDeletion`, … (AWS KMS: key states). */
  readonly state: string
  readonly usage: string | undefined
  readonly spec: string | undefined
  /** `AWS_KMS`, or `EXTERNAL` and others, whose material AWS does not rotate by itself. */
  readonly origin: string | undefined
  readonly multiRegion: boolean
  /** ARN of the multi-region primary. */
  readonly primaryKeyArn: string | undefined
}

/** Calls with the credentials of the role. */
export interface RoleSession {
  describeKey(region: string, keyArn: string): Promise<ProbeOutcome<KeyDescription>>
  /** Whether automatic rotation is on. */
  rotationStatus(region: string, keyArn: string): Promise<ProbeOutcome<boolean>>
  /** Encrypts a few random bytes. */
  encrypt(region: string, keyArn: string, context: EncryptionContext): Promise<ProbeOutcome<Uint8Array>>
  decrypt(
    region: string,
    keyArn: string,
    ciphertext: Uint8Array,
    context: EncryptionContext,
  ): Promise<ProbeOutcome<undefined>>
  /** Asks, as a dry run, for something that the role must not be able to do. */
  generateDataKey(
    region: string,
    keyArn: string,
    context: EncryptionContext,
  ): Promise<ProbeOutcome<undefined>>
}

/** How verification reaches AWS; tests and other clouds of the same protocol bring their own. */
export interface AwsProbe {
  /** Assumes the role through the STS endpoint of a region; without ExternalId where it is undefined. */
  assumeRole(
    region: string,
    roleArn: string,
    externalId: string | undefined,
  ): Promise<ProbeOutcome<RoleSession>>
  close(): void
}
