import { randomUUID } from 'node:crypto'
import { PortcullisError } from '../errors.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { WrappedKeyStore } from '../keyring/wrapped-key-store.ts'
import type { Job, JobStore } from '../registry/jobs.ts'
import type { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { AppType, DataClass, TenantApp } from '../tenant/tenant.ts'
import type { Catalog } from './catalog.ts'
import type { Actor } from './context.ts'
import { unknown } from './refusal.ts'
import { tenantKeysOf } from './tenant-keys.ts'

const KIND = 'rotation'
/** A worker that has not reported for this long has ended. */
const CLAIM_MS = 30_000
const LOOK_INTERVAL_MS = 5_000
const REPORT_EVERY_KEYS = 8
/** Refusals that end by themselves: the job waits. */
const PASSING: ReadonlySet<string> = new Set(['tenant-suspended', 'key-service-unavailable'])

/** One key to be succeeded by a new version. */
interface RotationStep {
  readonly site: string
  readonly app: AppType
  readonly dataClass: DataClass
  readonly version: number
}

/** Collaborators of {@link RotationService}. */
export interface RotationServiceOptions {
  readonly catalog: Catalog
  readonly directory: DirectoryHolder
  readonly keyring: Pick<Keyring, 'rotate'>
  /** Waits for the lease of an app; rejects while there is none. */
  readonly admit: (tenant: TenantApp) => Promise<unknown>
  readonly keys: Pick<WrappedKeyStore, 'newest' | 'ofAuthority' | 'refresh'>
  readonly jobs: JobStore
  readonly wallTimeMs: () => number
  readonly onDefect: (error: unknown) => void
}

/**
 * Makes new versions of tenant keys, as jobs that any replica can take up where another one ended: a step whose key
 * has a newer version already is done.
 */
export class RotationService {
  readonly #options: RotationServiceOptions
  readonly #worker = randomUUID()
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #closed = false

  constructor(options: RotationServiceOptions) {
    this.#options = options
  }

  /** Begins to look for jobs, also those that other replicas left. */
  start(): void {
    this.#timer = setInterval(() => this.#wake(), LOOK_INTERVAL_MS)
    this.#timer.unref()
    this.#wake()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#working
  }

  /** Queues a rotation; while one of the organization is unfinished, that one is returned. */
  async request(
    actor: Actor,
    organization: string,
    only: { readonly site?: string | undefined; readonly app?: AppType | undefined },
  ): Promise<Job> {
    const { catalog, directory, keys, jobs } = this.#options
    if (catalog.organization(organization) === undefined) throw unknown('organization', organization)
    if (only.site !== undefined && catalog.site(organization, only.site) === undefined) {
      throw unknown('site', only.site)
    }
    const steps = tenantKeysOf(organization, catalog, directory, keys)
      .filter(({ key, encrypts }) => encrypts && (only.site === undefined || key.site === only.site))
      .filter(({ key }) => only.app === undefined || key.app === only.app)
      .map(({ key: { site, app, dataClass, version } }): RotationStep => ({ site, app, dataClass, version }))
    const job = await jobs.add(
      {
        id: randomUUID(),
        kind: KIND,
        organization,
        work: JSON.stringify(steps),
        total: steps.length,
        createdAt: this.#time(0),
        createdBy: actor.name,
      },
      true,
    )
    this.#wake()
    return job
  }

  async get(organization: string, id: string): Promise<Job> {
    const job = await this.#options.jobs.find(organization, KIND, id)
    if (job === undefined) throw unknown('rotation', id)
    return job
  }

  list(organization: string, before: string | undefined, limit: number): Promise<Job[]> {
    return this.#options.jobs.list(organization, KIND, before, limit)
  }

  #wake(): void {
    if (this.#closed) return
    this.#working ??= this.#work()
      .catch((thrown: unknown) => this.#options.onDefect(thrown))
      .finally(() => {
        this.#working = undefined
      })
  }

  async #work(): Promise<void> {
    const { jobs } = this.#options
    while (!this.#closed && (await jobs.waiting(KIND, this.#time(0)))) {
      const job = await jobs.claim(KIND, this.#worker, this.#time(0), this.#time(CLAIM_MS))
      if (job === undefined) return
      await this.#rotate(job)
    }
  }

  async #rotate(job: Job): Promise<void> {
    const { jobs } = this.#options
    const report = (
      state: Job['state'],
      done: number,
      error: string | null,
      claimMs = CLAIM_MS,
    ): Promise<boolean> =>
      jobs.report(job.id, this.#worker, { state, done, error }, this.#time(0), this.#time(claimMs))
    const steps = JSON.parse(job.work) as RotationStep[]
    await this.#options.keys.refresh()
    for (const [done, step] of steps.entries()) {
      if (this.#closed) return
      if (done % REPORT_EVERY_KEYS === 0 && !(await report('running', done, null))) return
      try {
        await this.#step(job.organization, step)
      } catch (thrown) {
        const passing = thrown instanceof PortcullisError && PASSING.has(thrown.code)
        if (!passing) this.#options.onDefect(thrown)
        const reason = thrown instanceof PortcullisError ? thrown.message : 'an internal error'
        // Anyone may try again soon: access can be back before a claim has run out.
        await report(passing ? 'running' : 'failed', done, reason, LOOK_INTERVAL_MS)
        return
      }
    }
    await report('succeeded', steps.length, null)
  }

  async #step(organization: string, { site, app, dataClass, version }: RotationStep): Promise<void> {
    const { keys, keyring, directory } = this.#options
    if ((keys.newest({ site, app, dataClass })?.version ?? 0) > version) return
    const tenant = this.#tenant(directory, organization, site, app)
    // an app that was removed since has nothing to encrypt
    if (tenant === undefined) return
    // an organization that nobody uses is verified first: a revocation may not have been noticed yet
    await this.#options.admit(tenant)
    await keyring.rotate({ tenant, dataClass })
  }

  #tenant(
    directory: DirectoryHolder,
    organization: string,
    site: string,
    app: AppType,
  ): TenantApp | undefined {
    const tenant = directory.current.siteByName(site)?.app(app)
    return tenant?.organization === organization ? tenant : undefined
  }

  #time(fromNowMs: number): string {
    return new Date(this.#options.wallTimeMs() + fromNowMs).toISOString()
  }
}
