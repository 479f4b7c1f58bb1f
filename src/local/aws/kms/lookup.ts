import { aliasArn, keyArn, parseArn } from '../arns.ts'
import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { RegionalKey } from '../state/model.ts'
import { settle } from './key.ts'

const KEY_ID = /^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** How a key may be named in a request. */
export interface KeyReference {
  /** Whether `alias/…` and alias ARNs are accepted. */
  readonly alias: boolean
  /** Whether the key may be in another account. */
  readonly crossAccount: boolean
}

/** Finds the key a request names, in the caller's region; throws `NotFoundException` in AWS's words. */
export function findKey(call: Call, reference: string, rule: KeyReference): RegionalKey {
  const arn = reference.startsWith('arn:') ? regionalArn(call, reference, rule) : undefined
  const accountId = arn?.accountId ?? call.principal.accountId
  const name = arn ? arn.resource.replace(/^key\//, '') : reference
  if (name.startsWith('alias/')) {
    if (!rule.alias) throw invalidKeyId(reference)
    return keyOfAlias(call, accountId, name)
  }
  if (!KEY_ID.test(name)) throw invalidKeyId(reference)
  return existingKey(call, accountId, name)
}

/** The key behind an ARN known to be well formed and of this region, or undefined when there is none. */
export function keyByArn(call: Call, arn: string): RegionalKey | undefined {
  const { state } = call.file
  const key = Object.hasOwn(state.keys, arn) ? state.keys[arn] : undefined
  return key && settle(state, key, call.nowMs, () => call.file.touch())
}

function regionalArn(
  call: Call,
  reference: string,
  rule: KeyReference,
): { accountId: string; resource: string } {
  const arn = parseArn(reference)
  if (arn?.service !== 'kms' || !/^(key|alias)\//.test(arn.resource) || !/^\d{12}$/.test(arn.accountId)) {
    throw new AwsError('NotFoundException', `Invalid arn ${reference}`)
  }
  if (arn.region !== call.region) throw new AwsError('NotFoundException', `Invalid arn ${arn.region}`)
  if (arn.accountId !== call.principal.accountId && !rule.crossAccount) throw foreignKey(call)
  return arn
}

function keyOfAlias(call: Call, accountId: string, name: string): RegionalKey {
  const arn = aliasArn(call.region, accountId, name)
  const alias = Object.hasOwn(call.file.state.aliases, arn) ? call.file.state.aliases[arn] : undefined
  if (!alias) {
    if (accountId !== call.principal.accountId) throw foreignKey(call)
    throw new AwsError('NotFoundException', `Alias ${arn} is not found.`)
  }
  return existingKey(call, accountId, alias.targetKeyId)
}

function existingKey(call: Call, accountId: string, keyId: string): RegionalKey {
  const arn = keyArn(call.region, accountId, keyId)
  const key = keyByArn(call, arn)
  if (key) return key
  // whether a key of another account exists is nobody else's business
  if (accountId !== call.principal.accountId) throw foreignKey(call)
  throw new AwsError('NotFoundException', `Key '${arn}' does not exist`)
}

/** The refusal for a key of another account that is absent, out of reach or not usable by this operation. */
function foreignKey(call: Call): AwsError {
  return new AwsError(
    'AccessDeniedException',
    `User: ${call.principal.arn} is not authorized to perform: kms:${call.operation} on this resource because ` +
      'the resource does not exist in this Region, no resource-based policies allow access, or a resource-based ' +
      'policy explicitly denies access',
  )
}

function invalidKeyId(reference: string): AwsError {
  return new AwsError('NotFoundException', `Invalid keyId '${reference}'`)
}
