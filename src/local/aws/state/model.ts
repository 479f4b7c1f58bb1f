/** Everything the local AWS remembers, as plain JSON: bytes are base64, times are milliseconds since the epoch. */
export interface AwsState {
  format: 1
  /** 32 bytes, base64: seals session tokens, so that sessions survive a restart without being stored. */
  tokenKey: string
  accounts: Record<string, Account>
  /** Regional keys by ARN. */
  keys: Record<string, RegionalKey>
  /** What all regional keys of one key id share, by `account/key id`. */
  families: Record<string, KeyFamily>
  /** Aliases by ARN. */
  aliases: Record<string, Alias>
  /** What `establish…` made, by name: a restart finds the same keys even where the customer deleted them. */
  established: Record<string, Established>
}

export interface Account {
  readonly accountId: string
  users: Record<string, User>
  roles: Record<string, Role>
}

interface User {
  readonly userName: string
  readonly userId: string
  readonly accessKeys: { accessKeyId: string; secretAccessKey: string }[]
  /** Inline policies, JSON text by name. */
  policies: Record<string, string>
}

export interface Role {
  readonly roleName: string
  readonly roleId: string
  readonly path: string
  readonly arn: string
  readonly createdAt: number
  readonly description: string | undefined
  readonly maxSessionSeconds: number
  trustPolicy: string
  policies: Record<string, string>
  tags: Tag[]
}

export interface Tag {
  key: string
  value: string
}

type KeyStatus =
  | 'Creating'
  | 'Updating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingReplicaDeletion'
  | 'PendingImport'

export interface RegionalKey {
  readonly arn: string
  readonly accountId: string
  readonly region: string
  readonly keyId: string
  readonly createdAt: number
  description: string
  status: KeyStatus
  /** When `Creating` or `Updating` becomes `Enabled`. */
  readyAt: number
  /** When `PendingDeletion` ends with the key gone. */
  deletionAt: number | undefined
  deletionWindowDays: number | undefined
  policy: string
  tags: Tag[]
  grants: Grant[]
}

export interface KeyFamily {
  readonly keySpec: string
  readonly keyUsage: string
  readonly origin: 'AWS_KMS' | 'EXTERNAL'
  readonly multiRegion: boolean
  primaryRegion: string
  /** Oldest first; the last one encrypts. */
  materials: KeyMaterial[]
  /** Imported, but not in use before the next rotation on demand. */
  pendingMaterial?: KeyMaterial | undefined
  rotation: { periodDays: number; nextAt: number } | undefined
  onDemandRotations: number
}

export interface KeyMaterial {
  readonly id: string
  /** Symmetric and HMAC: the raw bytes; asymmetric: the private key as PKCS #8 DER; empty once deleted by its owner. */
  readonly bytes: string
  readonly createdAt: number
  readonly rotationType: 'AUTOMATIC' | 'ON_DEMAND' | undefined
}

export interface Alias {
  readonly arn: string
  readonly aliasName: string
  readonly accountId: string
  readonly region: string
  targetKeyId: string
  readonly createdAt: number
  updatedAt: number
}

export interface Grant {
  readonly grantId: string
  readonly grantToken: string
  readonly name: string | undefined
  readonly granteePrincipal: string
  readonly retiringPrincipal: string | undefined
  readonly issuingAccount: string
  readonly operations: readonly string[]
  readonly contextEquals: Readonly<Record<string, string>> | undefined
  readonly contextSubset: Readonly<Record<string, string>> | undefined
  readonly createdAt: number
}

interface Established {
  readonly accountId: string
  readonly roleArn: string
  readonly externalId: string
  readonly keys: readonly { region: string; keyArn: string }[]
}
