import { z } from 'zod'
import { APP_TYPES } from '../app-types.ts'
import {
  choice,
  count,
  duration,
  flag,
  listOf,
  noted,
  optionalSection,
  optionalText,
  text,
} from '../option.ts'

const apps = noted(z.array(z.enum(APP_TYPES)).min(1).max(APP_TYPES.length), {
  type: `list of ${APP_TYPES.join(', ')}`,
  example: ['jira', 'jira-service-management'],
  reason:
    'Apps whose data the store keeps, all of one family. The first that a site has is used when a request does not say which.',
})

const tls = optionalSection(
  {
    caFile: optionalText({
      charactersMax: 1024,
      type: 'path of a PEM file, relative to this file',
      example: 'tls/stores-ca.crt',
      reason: 'Authorities that may have signed the certificate of the store, instead of the public ones.',
    }),
    certFile: optionalText({
      charactersMax: 1024,
      type: 'path of a PEM file, relative to this file',
      example: 'tls/store-client.crt',
      reason: 'Client certificate for a store that asks for one.',
    }),
    keyFile: optionalText({
      charactersMax: 1024,
      type: 'path of a PEM file, relative to this file',
      example: 'tls/store-client.key',
      reason: 'Private key of the client certificate.',
    }),
    serverName: optionalText({
      charactersMax: 253,
      type: 'DNS name',
      example: 'jira-store.internal',
      reason: 'Name the certificate must carry when it differs from the host of the URL.',
    }),
  },
  'TLS towards the store. Verification cannot be turned off.',
)

/** The data stores behind the gateway. */
export const stores = listOf(
  {
    name: text({
      charactersMax: 4096,
      type: 'lower-case letters, digits and hyphens, unique',
      example: 'jira',
      reason:
        'Names the store in metrics and logs, and binds every ciphertext to it: never rename a store that holds data.',
    }),
    kind: choice(['document'], 'Protocol of the store: `document` is JSON over HTTP.'),
    mount: text({
      charactersMax: 256,
      type: 'path prefix such as /jira',
      example: '/jira',
      reason: 'Requests below it go to this store, with the prefix taken off.',
    }),
    upstream: text({
      charactersMax: 2048,
      type: 'http or https URL, may have a path',
      example: 'https://jira-store.internal:8443',
      reason:
        'Where the store is. Credentials do not belong here: the app sends its own Authorization header.',
    }),
    apps,
    coverage: text({
      charactersMax: 1024,
      type: `one of ${APP_TYPES.join(', ')}, or the path of a coverage file (with a slash or ending in .yaml), relative to this file`,
      example: 'jira',
      reason: 'Says which values are covered, and so encrypted.',
    }),
    mixed: flag({
      default: false,
      reason:
        'Lets covered values that are not encrypted yet be read. Only while data is being migrated: it gives up detecting replaced ciphertext.',
    }),
    passUncovered: flag({
      default: false,
      reason: 'Lets routes through that no coverage rule names, unencrypted. Off, they get 403.',
    }),
    upgrade: flag({
      default: false,
      reason: 'Lets Upgrade (WebSocket) requests through, unencrypted, on routes that the coverage passes.',
    }),
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
      default: '60s',
      min: '10ms',
      max: '1h',
      reason: 'Time the store has to begin its answer.',
    }),
    idleTimeoutMs: duration({
      default: '60s',
      min: '10ms',
      max: '1h',
      reason: 'Longest silence within an answer. Silence and not total time, so long transfers are not cut.',
    }),
    tls,
  },
  { entriesMax: 1_000, reason: 'Data stores behind the gateway.' },
)
