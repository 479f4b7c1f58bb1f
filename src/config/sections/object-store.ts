import { z } from 'zod'
import { APP_TYPES } from '../app-types.ts'
import {
  count,
  duration,
  flag,
  listOf,
  noted,
  optionalSection,
  optionalText,
  section,
  text,
  texts,
} from '../option.ts'
import { bindHost } from './listener.ts'
import { secret } from './secret.ts'

const apps = noted(z.array(z.enum(APP_TYPES)).min(1).max(APP_TYPES.length), {
  type: `list of ${APP_TYPES.join(', ')}`,
  example: ['jira', 'jira-service-management'],
  reason:
    'Apps whose attachments the store keeps. The first that a site has is used where an access key does not say which.',
})

const accessKeys = listOf(
  {
    accessKeyId: text({
      charactersMax: 128,
      type: 'S3 access key ID, 16 to 128 letters and digits, unique',
      example: 'PORTCULLISACME000001',
      reason: 'What clients sign with; it stands for the site, so no tenant header is needed.',
    }),
    secretAccessKey: secret({
      example: { env: 'PORTCULLIS_S3_ACME_SECRET' },
      reason: 'Secret of the access key, at least 24 characters.',
    }),
    site: text({
      charactersMax: 63,
      type: 'site name',
      example: 'acme',
      reason: 'The only site that the key reaches.',
    }),
    app: noted(z.enum(APP_TYPES).optional(), {
      type: `one of ${APP_TYPES.join(', ')}, absent unless written`,
      example: 'jira',
      reason: 'The app whose keys seal what is written with this access key.',
    }),
    buckets: texts({
      charactersMax: 255,
      entriesMin: 0,
      entriesMax: 1_000,
      type: 'bucket names, empty for all',
      example: ['attachments'],
      reason: 'The only buckets that the key reaches.',
    }),
    storeCredentials: optionalSection(
      {
        accessKeyId: text({
          charactersMax: 128,
          type: 'S3 access key ID',
          example: 'STOREACCESSKEYACME01',
          reason: 'The principal that this access key is at the store.',
        }),
        secretAccessKey: secret({
          example: { env: 'PORTCULLIS_STORE_SECRET_ACME' },
          reason: 'Secret of the access key.',
        }),
      },
      'Credentials at the store for this access key alone, so that owners, access lists and policies there tell it apart. Otherwise the common ones.',
    ),
  },
  { entriesMax: 100_000, reason: 'Access keys of the tenants.' },
)

/** S3 stores behind the gateway, each on a socket of its own, since S3 leaves no room for a mount in its paths. */
export const objectStores = listOf(
  {
    name: text({
      charactersMax: 63,
      type: 'lower-case letters, digits and hyphens, unique among all stores',
      example: 'attachments',
      reason:
        'Names the store in metrics and logs, and binds every ciphertext to it: never rename a store that holds data.',
    }),
    host: bindHost('Loopback, so that plain HTTP never leaves the machine unless asked for.'),
    port: count({
      default: 8082,
      min: 0,
      max: 65_535,
      reason: 'Port that S3 clients use; 0 takes any free one.',
    }),
    virtualHostDomains: texts({
      charactersMax: 253,
      entriesMin: 0,
      entriesMax: 64,
      type: 'host names without port',
      example: ['s3.gateway.example'],
      reason: 'Below these a bucket may stand in front of the host name; path style always works.',
    }),
    clientRegion: text({
      charactersMax: 64,
      type: 'AWS region name',
      example: 'eu-central-1',
      reason: 'Region that clients sign for.',
    }),
    upstream: text({
      charactersMax: 2048,
      type: 'http or https URL, may have a path',
      example: 'https://objects.internal:9000',
      reason: 'The S3 endpoint of the store, used in path style.',
    }),
    region: text({
      charactersMax: 64,
      type: 'AWS region name',
      example: 'us-east-1',
      reason: 'Region that requests to the store are signed for.',
    }),
    credentials: section(
      {
        accessKeyId: text({
          charactersMax: 128,
          type: 'S3 access key ID',
          example: 'STOREACCESSKEY000001',
          reason: 'The principal that the gateway is at the store.',
        }),
        secretAccessKey: secret({
          example: { env: 'PORTCULLIS_STORE_SECRET' },
          reason: 'Secret of the access key.',
        }),
      },
      'Credentials of the gateway at the store.',
    ),
    apps,
    mixed: flag({
      default: false,
      reason:
        'True while objects that were there before are migrated: they are readable as they are, marked with Portcullis-Encryption: none. Lists then ask about each object once.',
    }),
    accessKeys,
    connectionsMax: count({
      default: 128,
      min: 1,
      max: 10_000,
      reason: 'Connections to the store from one process.',
    }),
    connectTimeoutMs: duration({
      default: '3s',
      min: '10ms',
      max: '1m',
      reason: 'Time to connect, TLS included.',
    }),
    headersTimeoutMs: duration({
      default: '5m',
      min: '10ms',
      max: '1h',
      reason: 'Time the store has to begin its answer; completing a large multipart upload takes it minutes.',
    }),
    idleTimeoutMs: duration({
      default: '60s',
      min: '10ms',
      max: '1h',
      reason: 'Longest silence within an answer. Silence and not total time, so long transfers are not cut.',
    }),
    tls: optionalSection(
      {
        caFile: optionalText({
          charactersMax: 1024,
          type: 'path of a PEM file, relative to this file',
          example: 'tls/stores-ca.crt',
          reason:
            'Authorities that may have signed the certificate of the store, instead of the public ones.',
        }),
      },
      'TLS towards the store. Verification cannot be turned off.',
    ),
  },
  { entriesMax: 1_000, reason: 'S3 stores behind the gateway, for attachments.' },
)
