import type { S3Credential } from '../../../src/protocol/s3/signing-key.ts'

/** A user whom ceph/s3-tests names in its configuration. */
export interface SuiteUser {
  /** Section of the configuration. */
  readonly section: string
  /** As the store calls its owner. */
  readonly id: string
  readonly credential: S3Credential
}

/** The users of the suite, for a store that keeps users apart. */
export const SUITE_USERS: readonly SuiteUser[] = [
  user('s3 main', 'testid'),
  user('s3 alt', 'altid'),
  user('s3 tenant', 'testx$tenantid'),
  user('iam', 'iamid'),
]

// Sections without which the suite does not start; their tests are not selected.
const UNUSED = ['iam root', 'iam alt root']

function user(section: string, id: string): SuiteUser {
  const name = id.replaceAll(/[^a-z]/g, '').toUpperCase()
  const credential = {
    accessKeyId: `SUITE000000000${name}`,
    secretAccessKey: `suite-secret-of-${id}-0123456789`,
  }
  return { section, id, credential }
}

/** The configuration file of the suite for a server at this address. */
export function suiteConfiguration(endpoint: string, users: readonly SuiteUser[]): string {
  const { hostname, port } = new URL(endpoint)
  const sections = [
    `[DEFAULT]\nhost = ${hostname}\nport = ${port}\nis_secure = False\nssl_verify = False\n`,
    '[fixtures]\nbucket prefix = t-{random}-\n',
    ...users.map(sectionOf),
    ...UNUSED.map((section) => sectionOf({ ...users[0]!, section })),
  ]
  return sections.join('\n')
}

function sectionOf({ section, id, credential }: SuiteUser): string {
  return `[${section}]
display_name = ${id}
user_id = ${id}
email = ${id.replace('$', '-')}@example.com
api_name = default
tenant = testx
access_key = ${credential.accessKeyId}
secret_key = ${credential.secretAccessKey}
`
}
