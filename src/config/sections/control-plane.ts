import { noted, optionalSection, optionalText, parsed, section, text, texts, count } from '../option.ts'
import { z } from 'zod'
import { optionalSecret, readSecretReference } from './secret.ts'

/** Where the registry is; exactly one of `file` and `postgres`. */
export const registry = section(
  {
    file: optionalText({
      charactersMax: 1024,
      type: 'path of a SQLite file, relative to this file; exactly one of file, postgres',
      example: '/var/lib/portcullis/registry.sqlite',
      reason:
        'Wrapped tenant keys, suspensions, organizations made through the admin API. Losing it loses the data: back it up.',
    }),
    postgres: noted(parsed(readSecretReference).optional(), {
      type: '{ env: NAME } or { file: PATH } of a URL, postgres://user:password@host/database?sslmode=verify-full; exactly one of file, postgres',
      example: { env: 'PORTCULLIS_REGISTRY_URL' },
      alternative: true,
      reason:
        'The same in PostgreSQL, for more than one machine: changes reach every replica within a second.',
    }),
    postgresConnectionsMax: count({
      default: 10,
      min: 2,
      max: 200,
      reason: 'Connections of one process; one more waits for notifications. Requests never use them.',
    }),
  },
  'The state that must survive.',
)

const roles = (what: string, example: string) =>
  texts({
    charactersMax: 256,
    entriesMin: 0,
    entriesMax: 64,
    type: 'values of the roles claim',
    example: [example],
    reason: what,
  })

/** OpenID Connect for the admin plane. */
export const oidc = optionalSection(
  {
    issuer: text({
      charactersMax: 2048,
      type: 'https URL, exactly as in the `iss` of tokens',
      example: 'https://login.example/realms/portcullis',
      reason: 'Who issues the tokens.',
    }),
    audience: text({
      charactersMax: 256,
      type: 'text',
      example: 'portcullis-admin',
      reason: 'What the `aud` of tokens must name, so that tokens for other services do not count.',
    }),
    jwksUri: optionalText({
      charactersMax: 2048,
      type: 'https URL',
      example: 'https://login.example/realms/portcullis/protocol/openid-connect/certs',
      reason: 'Keys of the issuer; found through its discovery document unless written.',
    }),
    rolesClaim: noted(z.string().min(1).max(256).default('roles'), {
      type: 'path of a claim, dots between its parts',
      default: 'roles',
      reason: 'A text or list of texts that the mappings below look at.',
    }),
    operatorRoles: roles('Make an operator: everything, for every organization.', 'portcullis-operator'),
    auditorRoles: roles('Make an auditor of the vendor: reads everything.', 'portcullis-auditor'),
    organizationAdminRoles: roles(
      'Make an administrator of the one organization that organizationClaim names.',
      'portcullis-organization-admin',
    ),
    organizationClaim: optionalText({
      charactersMax: 256,
      type: 'path of a claim',
      example: 'organization',
      reason:
        "Holds the organization's identifier. Without it, subjects are bound to organizations by the API.",
    }),
  },
  'Identities of the admin plane by OpenID Connect access tokens, beside tokens.',
)

/** What onboarding of customers needs to know of this gateway. */
export const onboarding = section(
  {
    gatewayPrincipalArn: optionalText({
      charactersMax: 2048,
      type: 'ARN of an IAM role or user',
      example: 'arn:aws:iam::999988887777:role/portcullis-gateway',
      reason:
        'Whom customers let assume their role: what the gateway runs as. Needed to generate their templates.',
    }),
    notificationEndpoint: optionalText({
      charactersMax: 2048,
      type: 'https URL',
      example: 'https://gateway.example/notifications/v1/aws',
      reason:
        'Where customers send key events for instant revocation: the path /notifications/v1/aws of the admin listener, as seen from outside. Without it revocation is found by polling.',
    }),
    notificationSecret: optionalSecret({
      example: { env: 'PORTCULLIS_NOTIFICATION_SECRET' },
      reason:
        'Key of at least 32 characters from which the secret of the notifications of each organization is derived. Without it there is no notification endpoint.',
    }),
  },
  'Onboarding of customers.',
)
