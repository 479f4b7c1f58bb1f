/**
 * Every rule by which a request is refused. A conflict judges the input by what is there already (409), a violation
 * judges the input alone (422).
 */
export const RULES = {
  'access-key-app': 'violation',
  'access-key-store': 'violation',
  'account-id': 'violation',
  'account-vendor': 'violation',
  'app-duplicate': 'conflict',
  'app-type': 'violation',
  'arn-partition': 'violation',
  'byok-immutable': 'conflict',
  'byok-missing': 'conflict',
  'byok-site': 'conflict',
  'credential-expired': 'violation',
  'credential-name-taken': 'conflict',
  'credential-site': 'violation',
  'host-taken': 'conflict',
  'jira-family': 'conflict',
  'key-arn': 'violation',
  'key-arn-account': 'violation',
  'key-arn-region': 'violation',
  'key-region-missing': 'violation',
  'key-region-outside': 'violation',
  'key-shared': 'conflict',
  location: 'violation',
  'location-immutable': 'conflict',
  'managed-by-file': 'conflict',
  'onboarding-unconfigured': 'conflict',
  'organization-exists': 'conflict',
  'organization-id': 'violation',
  'role-account': 'violation',
  'role-arn': 'violation',
  'site-exists': 'conflict',
  'site-foreign': 'conflict',
  'site-host': 'violation',
  'site-name': 'violation',
  'site-name-immutable': 'conflict',
  'site-not-empty': 'conflict',
  'subject-taken': 'conflict',
  'suspension-not-operator': 'conflict',
  'vendor-keys-missing': 'conflict',
} as const satisfies Record<string, 'conflict' | 'violation'>

/** Stable name of a rule. */
export type Rule = keyof typeof RULES
