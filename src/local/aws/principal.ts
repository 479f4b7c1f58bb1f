/** Who signed a request. */
export interface Principal {
  readonly kind: 'root' | 'user' | 'assumed-role'
  readonly accountId: string
  /** As GetCallerIdentity returns it: for a role the session's ARN. */
  readonly arn: string
  /** The ARN that `aws:PrincipalArn` holds: for a role the role's ARN. */
  readonly identityArn: string
  /** `AIDA…` of a user, `AROA…:session` of a role, the account id of a root. */
  readonly principalId: string
  readonly accessKeyId: string
  readonly userName: string | undefined
  readonly roleName: string | undefined
  /** Of a role's session only. */
  readonly session: Session | undefined
}

/** What a session adds to its role. */
interface Session {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly tags: SessionTags
}

/** Session tags; transitive ones go on to the sessions this one assumes. */
export interface SessionTags {
  readonly tags: Readonly<Record<string, string>>
  readonly transitiveKeys: readonly string[]
}
