import { createServer } from 'node:net'
import type { KeyAuthority } from '../tenant/tenant.ts'
import {
  ConfigurationRefused,
  type ConfigPath,
  type Finding,
  isUsable,
  quoted,
  type RuleFinding,
} from './finding.ts'
import { parseConfigurationFile, resolveMaterials, withAbsolutePaths } from './load.ts'
import { type Materials, systemReason } from './materials.ts'
import { inFileOrder } from './parse.ts'
import { refuse } from './rules/rule.ts'
import type { Configuration } from './schema.ts'

type Store = Configuration['stores'][number]
type ObjectStore = Configuration['objectStores'][number]

/** What `check` tries out; each rejects with the reason when it does not work. */
export interface Probes {
  /** Reads the coverage of a store, preset or file. */
  coverage(store: Store): Promise<void>
  /** Connects to a store, TLS included. */
  store(store: Store, materials: Materials): Promise<void>
  /** Connects to an S3 store, TLS included. */
  objectStore(store: ObjectStore, materials: Materials): Promise<void>
  /** Opens the registry for writing. */
  registry(configuration: Configuration, materials: Materials): Promise<void>
  /**
   * Assumes the role afresh, then wraps and unwraps under the one key that `authority` has here
   * (it is called once per region). Rejects as `KeyService` does.
   */
  key(authority: KeyAuthority, materials: Materials, configuration: Configuration): Promise<void>
  /** Binds a socket and lets it go; `bindableAddress` unless replaced. */
  readonly bind?: (this: void, host: string, port: number) => Promise<void>
}

/** How `check` works. */
export interface CheckOptions {
  /** False looks at the file alone: no environment, no other file, no network. */
  readonly connect: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly probes: Probes
}

const PROBES_AT_ONCE = 16

/** Everything that is wrong with a configuration file, in its order; empty when it can be used as it is. */
export async function checkConfiguration(file: string, options: CheckOptions): Promise<readonly Finding[]> {
  const parsed = parseConfigurationFile(file)
  if (parsed.configuration === undefined || !options.connect) return parsed.findings
  const { materials, findings } = resolveMaterials(parsed.configuration, file, options.environment)
  const configuration = withAbsolutePaths(parsed.configuration, file)
  // Probes with half of the secrets would report what is already reported.
  const probed = isUsable(findings.map(parsed.locate))
    ? await probe(configuration, materials, options.probes)
    : NOT_PROBED
  const here = [...parsed.findings, ...[...findings, ...probed.findings].map(parsed.locate)]
  return [...here.sort(inFileOrder), ...probed.elsewhere]
}

interface Probed {
  readonly findings: readonly RuleFinding[]
  /** Findings in other files. */
  readonly elsewhere: readonly Finding[]
}

const NOT_PROBED: Probed = { findings: [], elsewhere: [] }

async function probe(configuration: Configuration, materials: Materials, probes: Probes): Promise<Probed> {
  const bind = probes.bind ?? bindableAddress
  const { listener, admin } = configuration
  const attempts: Attempt[] = [
    {
      path: ['listener', 'port'],
      rule: 'bind',
      what: 'cannot listen there',
      run: () => bind(listener.host, listener.port),
    },
    {
      path: ['admin', 'port'],
      rule: 'bind',
      what: 'cannot listen there',
      run: () => bind(admin.host, admin.port),
    },
    {
      path: ['registry', configuration.registry.file === undefined ? 'postgres' : 'file'],
      rule: 'registry',
      what: 'the registry cannot be opened',
      run: () => probes.registry(configuration, materials),
    },
    ...configuration.stores.flatMap((store, index): Attempt[] => [
      {
        path: ['stores', index, 'coverage'],
        rule: 'coverage',
        what: 'the coverage cannot be used',
        run: () => probes.coverage(store),
      },
      {
        path: ['stores', index, 'upstream'],
        rule: 'store',
        what: 'the store cannot be reached',
        run: () => probes.store(store, materials),
      },
    ]),
    ...configuration.objectStores.flatMap((store, index): Attempt[] => [
      {
        path: ['objectStores', index, 'port'],
        rule: 'bind',
        what: 'cannot listen there',
        run: () => bind(store.host, store.port),
      },
      {
        path: ['objectStores', index, 'upstream'],
        rule: 'store',
        what: 'the store cannot be reached',
        run: () => probes.objectStore(store, materials),
      },
    ]),
    ...keyAttempts(configuration, materials, probes),
  ]
  const findings: RuleFinding[] = []
  const elsewhere: Finding[] = []
  const waiting = attempts.values()
  const worker = async () => {
    for (const attempt of waiting) {
      try {
        await attempt.run()
      } catch (error) {
        // A coverage file brings findings with positions of its own.
        if (error instanceof ConfigurationRefused) elsewhere.push(...error.findings)
        const reason = `${attempt.what}: ${describe(error)}`
        findings.push(refuse(attempt.rule, attempt.path, reason, remedyFor(attempt, error)))
      }
    }
  }
  await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker))
  return { findings, elsewhere }
}

interface Attempt {
  readonly path: ConfigPath
  readonly rule: 'bind' | 'registry' | 'coverage' | 'store' | 'key'
  readonly what: string
  run(): Promise<void>
}

function keyAttempts(configuration: Configuration, materials: Materials, probes: Probes): Attempt[] {
  const sets = [
    ...configuration.vendorKeys.map((set, index) => ({
      set: { ...set, id: `vendor:${set.location}`, kind: 'vendor' as const },
      path: ['vendorKeys', index, 'keys'],
    })),
    ...configuration.organizations.flatMap(({ id, location, byok }, index) =>
      byok === undefined
        ? []
        : [
            {
              set: { ...byok, id, location, kind: 'byok' as const },
              path: ['organizations', index, 'byok', 'keys'],
            },
          ],
    ),
  ]
  return sets.flatMap(({ set, path }) =>
    Object.entries(set.keys).map(([region, keyArn]): Attempt => ({
      path: [...path, region],
      rule: 'key',
      what: `key in ${region}`,
      run: () => probes.key({ ...set, keys: [{ region, keyArn }] }, materials, configuration),
    })),
  )
}

const ACTIONS: Readonly<Record<string, string>> = {
  'access-denied':
    'Allow sts:AssumeRole with this ExternalId in the trust policy, and kms:Encrypt and kms:Decrypt for the role in its policy and in the key policy',
  'key-disabled': 'Enable the key',
  'key-pending-deletion': 'Cancel the deletion and enable the key',
  'key-not-found': 'Correct the ARN, or create the key (a replica) in this region',
}

function remedyFor(attempt: Attempt, error: unknown): string {
  if (attempt.rule === 'key') {
    return (
      ACTIONS[wordOf(error, 'reason')] ??
      'Check that KMS and STS of this region can be reached, and the credentials'
    )
  }
  const remedies = {
    bind: 'Choose another address, or stop what listens there',
    registry: 'Correct the path, or let the process write there',
    coverage: 'Correct the coverage file',
    store: 'Check the URL, the network and the TLS options',
  }
  return remedies[attempt.rule]
}

/** What may be shown of an error: the words of a refusal, else its code, else its kind. */
function describe(error: unknown): string {
  const reason = wordOf(error, 'reason')
  const awsError = wordOf(error, 'awsError')
  if (reason !== '') return awsError === '' ? reason : `${reason} (${awsError})`
  const system = systemReason(error)
  if (system !== '') return system.trim()
  if (error instanceof ConfigurationRefused) return 'see its findings'
  if (!(error instanceof Error)) return 'unknown error'
  return quoted(error.message).slice(1, -1)
}

function wordOf(error: unknown, member: string): string {
  const value = error instanceof Error ? (error as unknown as Record<string, unknown>)[member] : undefined
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : ''
}

/** Resolves when a socket can be bound; port 0 always can. */
export async function bindableAddress(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
}
