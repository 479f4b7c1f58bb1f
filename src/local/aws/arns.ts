/** ARN of a KMS key. */
export function keyArn(region: string, accountId: string, keyId: string): string {
  return `arn:aws:kms:${region}:${accountId}:key/${keyId}`
}

/** ARN of a KMS alias; `aliasName` starts with `alias/`. */
export function aliasArn(region: string, accountId: string, aliasName: string): string {
  return `arn:aws:kms:${region}:${accountId}:${aliasName}`
}

/** ARN of an account's root, which in a resource policy stands for the whole account. */
export function accountRootArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`
}

/** ARN of an IAM role; `path` starts and ends with a slash. */
export function roleArn(accountId: string, path: string, roleName: string): string {
  return `arn:aws:iam::${accountId}:role${path}${roleName}`
}

/** ARN of an IAM user. */
export function userArn(accountId: string, userName: string): string {
  return `arn:aws:iam::${accountId}:user/${userName}`
}

/** ARN of a session of a role, as GetCallerIdentity and AssumeRole return it. */
export function assumedRoleArn(accountId: string, roleName: string, sessionName: string): string {
  return `arn:aws:sts::${accountId}:assumed-role/${roleName}/${sessionName}`
}

/** The parts of an ARN; undefined where the text is not one. */
export function parseArn(
  text: string,
): { partition: string; service: string; region: string; accountId: string; resource: string } | undefined {
  const parts = text.split(':')
  if (parts.length < 6 || parts[0] !== 'arn') return undefined
  const [, partition, service, region, accountId] = parts
  const resource = parts.slice(5).join(':')
  if (!partition || !service || !resource) return undefined
  return { partition, service, region: region ?? '', accountId: accountId ?? '', resource }
}
