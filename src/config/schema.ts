import { z } from 'zod'
import { choice, count, section } from './option.ts'
import { audit } from './sections/audit.ts'
import { crypto, keyCache, kms, revocation } from './sections/keys.ts'
import { adminTls, bindHost, listener, metricsOpen } from './sections/listener.ts'
import { objectStores } from './sections/object-store.ts'
import { organizations, vendorKeys } from './sections/organization.ts'
import { stores } from './sections/store.ts'
import { oidc, onboarding, registry } from './sections/control-plane.ts'
import { adminTokens, clientCertificates, tokens } from './sections/tokens.ts'

const admin = section(
  {
    host: bindHost('Loopback: the admin plane is not for the network that apps are on.'),
    port: count({
      default: 8081,
      min: 0,
      max: 65_535,
      reason: 'Port of the admin plane; 0 takes any free one.',
    }),
    tls: adminTls,
    metricsOpen,
    tokens: adminTokens,
    oidc,
  },
  'Health, readiness, metrics and the admin API.',
)

const logging = section(
  {
    level: choice(
      ['info', 'trace', 'debug', 'warn', 'error', 'fatal', 'silent'],
      'Lowest level that is written to stderr. No level writes content, keys or credentials.',
    ),
  },
  'Logs.',
)

/** The whole configuration: the one source of its documentation, its reference file and its checks. */
export const configurationSchema = z.strictObject({
  listener,
  admin,
  stores,
  objectStores,
  crypto,
  revocation,
  kms,
  keyCache,
  registry,
  onboarding,
  audit,
  logging,
  vendorKeys,
  organizations,
  tokens,
  clientCertificates,
})

/** A configuration with every default filled in: durations in milliseconds, sizes in bytes, paths as written. */
export type Configuration = z.output<typeof configurationSchema>

/** An option that is gone and what took its place. */
export interface RemovedOption {
  /** Dotted path without list indexes, such as `stores.url`. */
  readonly path: string
  readonly successor: string
}

/** Options of earlier releases; writing one is refused with the name of its successor. */
export const REMOVED_OPTIONS: readonly RemovedOption[] = [
  // A location belongs to the whole organization, since apps under vendor keys have one as well.
  { path: 'organizations.byok.location', successor: 'organizations.location' },
]
