import { z } from 'zod'
import { choice, count, duration, noted, optionalSection, optionalText, section, text } from '../option.ts'
import { optionalSecret, secret } from './secret.ts'

/** Which ciphers are used. */
export const crypto = section(
  {
    profile: choice(
      ['default', 'fips'],
      '`default` encrypts fields with XChaCha20-Poly1305, `fips` with the AES-256-GCM family. Reading takes both.',
    ),
  },
  'Cryptography.',
)

/** How fast a revocation cuts access. */
export const revocation = section(
  {
    boundMs: duration({
      default: '5s',
      min: '1s',
      max: '1m',
      reason:
        'A tenant is served only within this time of the last proof of access to its key: the longest a revocation can go unnoticed.',
    }),
    idleAfterMs: duration({
      default: '30s',
      min: '1s',
      max: '1h',
      reason:
        'Access is proven in the background for tenants with a request this recently; the others cost nothing, and their next request waits for a proof. With the default, tenants that ask within a minute cost less than one proof per bound on average.',
    }),
    probeIntervalMs: duration({
      default: '15s',
      min: '500ms',
      max: '25s',
      reason:
        'Longest pause between two tries at a suspended authority (with jitter); with one proof it stays below the 30 s in which access is to return.',
    }),
  },
  'Revocation and restore.',
)

/** The connection to AWS KMS and STS. */
export const kms = section(
  {
    kmsEndpoint: optionalText({
      charactersMax: 2048,
      type: 'URL, in which {region} stands for the region',
      example: 'https://vpce-0123456789abcdef0.kms.{region}.vpce.amazonaws.com',
      reason: 'Instead of the public endpoint: a VPC endpoint or a local key service.',
    }),
    stsEndpoint: optionalText({
      charactersMax: 2048,
      type: 'URL, in which {region} stands for the region',
      example: 'https://vpce-0123456789abcdef0.sts.{region}.vpce.amazonaws.com',
      reason: 'Instead of the public endpoint: a VPC endpoint or a local key service.',
    }),
    credentials: optionalSection(
      {
        accessKeyId: text({
          charactersMax: 128,
          type: 'AWS access key ID',
          example: 'AKIAIOSFODNN7EXAMPLE',
          reason: 'The principal that the customers let assume their roles.',
        }),
        secretAccessKey: secret({
          example: { env: 'PORTCULLIS_AWS_SECRET_ACCESS_KEY' },
          reason: 'Secret of the access key.',
        }),
        sessionToken: optionalSecret({
          example: { env: 'PORTCULLIS_AWS_SESSION_TOKEN' },
          reason: 'Only for temporary credentials.',
        }),
      },
      'The credentials of the vendor. Absent, the AWS default chain is used (instance or container role): prefer that.',
    ),
    attemptTimeoutMs: duration({
      default: '700ms',
      min: '50ms',
      max: '1m',
      reason: 'Time of one attempt at one endpoint, connecting included.',
    }),
    requestTimeoutMs: duration({
      default: '3s',
      min: '100ms',
      max: '1m',
      reason: 'All attempts of one wrap or unwrap together; a request may wait for it.',
    }),
    verifyTimeoutMs: duration({
      default: '1900ms',
      min: '100ms',
      max: '1m',
      reason:
        'One proof of access, AssumeRole and every region; at most 0.4 of revocation.boundMs, so that two fit into it.',
    }),
    retriesMax: count({
      default: 10,
      min: 1,
      max: 1_000,
      reason: 'Retries of one authority in a burst. Only outages are tried again, never a denial.',
    }),
    retryRefillIntervalMs: duration({
      default: '3s',
      min: '10ms',
      max: '1h',
      reason: 'How often an authority regains one retry, so that an outage is not made worse.',
    }),
    socketsMax: count({ default: 200, min: 1, max: 10_000, reason: 'Connections to AWS from one process.' }),
    roleSessionName: noted(
      z
        .string()
        .regex(/^[\w+=,.@-]{2,64}$/)
        .default('portcullis'),
      {
        type: '2 to 64 letters, digits and _ + = , . @ -',
        default: 'portcullis',
        reason: 'Names the gateway in the CloudTrail of the customer.',
      },
    ),
    outageGraceMs: duration({
      default: '15m',
      min: '1s',
      max: '24h',
      reason:
        'How long tenants are served from cached keys while KMS or STS gives no verdict. An explicit denial is not an outage and cuts at once.',
    }),
  },
  'AWS KMS and STS.',
)

/** Unwrapped tenant keys in memory. */
export const keyCache = section(
  {
    lifetimeMs: duration({
      default: '1h',
      min: '10s',
      max: '24h',
      reason:
        'Counted from creation and never from last use, so no key lives on because it is busy. Access is proven far more often: see revocation.boundMs.',
    }),
    refreshAfterMs: duration({
      default: '30m',
      min: '5s',
      max: '24h',
      reason:
        'Age at which a used key is unwrapped anew in the background (with jitter, earlier), so that no request waits.',
    }),
    keysMax: count({
      default: 50_000,
      min: 16,
      max: 1_000_000,
      reason:
        'Keys of one process, in one locked arena of secure memory; mind the locked-memory limit of the container.',
    }),
    keysPerAuthorityMax: count({
      default: 1_000,
      min: 16,
      max: 1_000_000,
      reason: 'Keys of one authority, so that no customer can push out the keys of the others.',
    }),
  },
  'Cache of tenant keys.',
)
