import { choice, count, duration, listOf, optionalText, section, size, text, texts } from '../option.ts'
import { optionalSecret } from './secret.ts'

const forwarders = listOf(
  {
    name: text({
      charactersMax: 64,
      type: 'text of at most 64 characters',
      example: 'siem',
      reason: 'Progress is kept under this name: a new name begins with the oldest row there is.',
    }),
    kind: choice(
      ['webhook', 'syslog', 'otlp'],
      'How entries travel: JSON signed by HMAC, RFC 5424 over TLS, or OTLP/HTTP logs.',
    ),
    url: text({
      charactersMax: 2048,
      type: 'https URL for webhook and otlp, tls://host:port for syslog (http and tcp on loopback only)',
      example: 'https://siem.example.com/portcullis',
      reason: 'Where they go. Every entry arrives at least once; receivers tell repetitions by `id`.',
    }),
    secret: optionalSecret({
      example: { env: 'PORTCULLIS_AUDIT_WEBHOOK_SECRET' },
      reason: 'Key of the HMAC, at least 32 characters; required for webhook.',
    }),
    authorization: optionalSecret({
      example: { env: 'PORTCULLIS_AUDIT_AUTHORIZATION' },
      reason: 'Value of the Authorization header, for webhook and otlp.',
    }),
    caFile: optionalText({
      charactersMax: 1024,
      type: 'path of a PEM file, relative to this file',
      example: 'tls/siem-ca.crt',
      reason: 'Authorities that may have signed the certificate of the receiver, instead of the public ones.',
    }),
  },
  {
    entriesMax: 16,
    reason: 'Where the audit trail is brought to. One replica at a time delivers to each.',
  },
)

/** The audit trail. */
export const audit = section(
  {
    directory: optionalText({
      charactersMax: 1024,
      type: 'path of a directory, relative to this file',
      example: '/var/lib/portcullis/audit',
      reason:
        'What is not in the store yet, the signing key where none is configured, copies of checkpoints, and with a registry in a file the trail itself. Absent, an `audit` directory beside the registry. Each process needs its own.',
    }),
    whenFull: choice(
      ['spill', 'refuse'],
      'When events come faster than they can be written: `spill` writes them to a local file first, `refuse` answers 503.',
    ),
    queueEventsMax: count({
      default: 10_000,
      min: 100,
      max: 1_000_000,
      reason: 'Events in memory at which the queue counts as full.',
    }),
    spillBytesMax: size({
      default: '256MiB',
      min: '1MiB',
      max: '64GiB',
      reason: 'Size of the spill file at which requests get 503: no event is dropped silently.',
    }),
    gatherMs: duration({
      default: '1m',
      min: '0s',
      max: '5m',
      reason:
        'Proofs of access in this time are one row, which lists every AWS request ID; 0s gives each a row of its own. Refused calls have one at once, always.',
    }),
    retentionMs: duration({
      default: '400d',
      min: '1d',
      max: '3650d',
      reason:
        'Rows older than this are removed, and a signed anchor takes their place, so that the rest still proves itself. What a forwarder has not delivered stays.',
    }),
    signingKey: optionalSecret({
      example: { file: '/etc/portcullis/audit-signing-key.pem' },
      reason:
        'Ed25519 private key (PKCS #8 PEM) that signs checkpoints, the same for all replicas; then no other key counts but those of publicKeyFiles. Absent, each process makes its own in the directory and publishes the public one in the store.',
    }),
    publicKeyFiles: texts({
      charactersMax: 1024,
      entriesMin: 0,
      entriesMax: 64,
      type: 'paths of PEM files',
      example: ['/etc/portcullis/audit-signing-key-2025.pub.pem'],
      reason: 'Public keys of earlier signing keys, for as long as rows are kept that they signed.',
    }),
    forwarders,
  },
  'The audit trail: append-only and hash-chained, beside the registry in SQLite or in its PostgreSQL.',
)
