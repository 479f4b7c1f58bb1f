import { hkdfSync } from 'node:crypto'
import { assumedRoleArn, roleArn, userArn } from './arns.ts'
import { seal, unseal } from './cipher.ts'
import { newAccessKeyId } from './identifiers.ts'
import type { Principal, SessionTags } from './principal.ts'
import type { AwsState, Role } from './state/model.ts'

/** Temporary credentials of AssumeRole. */
export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiresAt: number
}

/** A key that signs, and who it signs for. */
export interface SigningIdentity {
  readonly secretAccessKey: string
  readonly principal: Principal
}

/** Why credentials are refused before the signature is even looked at. */
export type CredentialRefusal = 'invalid' | 'expired'

interface SessionClaims {
  readonly accessKeyId: string
  readonly accountId: string
  readonly roleName: string
  readonly roleId: string
  readonly path: string
  readonly sessionName: string
  readonly startedAt: number
  readonly expiresAt: number
  readonly tags: SessionTags
}

const TOKEN_LABEL = Buffer.from('local-aws/session-token')
/** Fifty tags of full length fit in; AWS allows fewer. */
const TOKEN_CHARACTERS_MAX = 14_000

/**
 * Issues a session of a role. The token carries its own claims, sealed: sessions need no storage, survive a
 * restart, and stay valid until they expire whatever happens to the trust policy (as in AWS).
 */
export function issueSession(
  state: AwsState,
  role: Role,
  sessionName: string,
  nowMs: number,
  seconds: number,
  tags: SessionTags,
): SessionCredentials {
  const claims: SessionClaims = {
    accessKeyId: newAccessKeyId('ASIA'),
    accountId: accountOf(role),
    roleName: role.roleName,
    roleId: role.roleId,
    path: role.path,
    sessionName,
    startedAt: nowMs,
    expiresAt: nowMs + seconds * 1000,
    tags,
  }
  const key = Buffer.from(state.tokenKey, 'base64')
  return {
    accessKeyId: claims.accessKeyId,
    secretAccessKey: sessionSecret(key, claims.accessKeyId),
    sessionToken: seal(key, Buffer.from(JSON.stringify(claims)), TOKEN_LABEL).toString('base64'),
    expiresAt: claims.expiresAt,
  }
}

/** Looks up who an access key (with its session token, for temporary ones) belongs to. */
export function resolveCredentials(
  state: AwsState,
  accessKeyId: string,
  sessionToken: string | undefined,
  nowMs: number,
): SigningIdentity | CredentialRefusal {
  if (sessionToken !== undefined) return resolveSession(state, accessKeyId, sessionToken, nowMs)
  for (const account of Object.values(state.accounts)) {
    for (const user of Object.values(account.users)) {
      const key = user.accessKeys.find((candidate) => candidate.accessKeyId === accessKeyId)
      if (!key) continue
      const arn = userArn(account.accountId, user.userName)
      return {
        secretAccessKey: key.secretAccessKey,
        principal: {
          kind: 'user',
          accountId: account.accountId,
          arn,
          identityArn: arn,
          principalId: user.userId,
          accessKeyId,
          userName: user.userName,
          roleName: undefined,
          session: undefined,
        },
      }
    }
  }
  return 'invalid'
}

function resolveSession(
  state: AwsState,
  accessKeyId: string,
  sessionToken: string,
  nowMs: number,
): SigningIdentity | CredentialRefusal {
  if (sessionToken.length > TOKEN_CHARACTERS_MAX) return 'invalid'
  const key = Buffer.from(state.tokenKey, 'base64')
  const opened = unseal(key, Buffer.from(sessionToken, 'base64'), TOKEN_LABEL)
  if (!opened) return 'invalid'
  const claims = JSON.parse(opened.toString('utf8')) as SessionClaims
  if (claims.accessKeyId !== accessKeyId) return 'invalid'
  if (claims.expiresAt <= nowMs) return 'expired'
  // a role of the same name made anew has another id: its old sessions are dead
  if (state.accounts[claims.accountId]?.roles[claims.roleName]?.roleId !== claims.roleId) return 'invalid'
  return {
    secretAccessKey: sessionSecret(key, accessKeyId),
    principal: {
      kind: 'assumed-role',
      accountId: claims.accountId,
      arn: assumedRoleArn(claims.accountId, claims.roleName, claims.sessionName),
      identityArn: roleArn(claims.accountId, claims.path, claims.roleName),
      principalId: `${claims.roleId}:${claims.sessionName}`,
      accessKeyId,
      userName: undefined,
      roleName: claims.roleName,
      session: { startedAt: claims.startedAt, tags: claims.tags },
    },
  }
}

function sessionSecret(key: Uint8Array, accessKeyId: string): string {
  return Buffer.from(hkdfSync('sha256', key, accessKeyId, 'local-aws/session-secret', 30)).toString('base64')
}

function accountOf(role: Role): string {
  return role.arn.split(':')[4] ?? ''
}
