import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AccessOptions } from '../../src/access/options.ts'
import type { LocalAwsOptions } from '../../src/local/aws/local-aws.ts'
import type { DataClass, TenantApp } from '../../src/tenant/tenant.ts'
import { Customer } from '../kms/customer.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { startParts } from './gateway-parts.ts'

/** The default: a verification may take a fifth of it, which machines that run many tests at once need. */
export const BOUND_MS = 5_000
/** Machines that run many tests at once answer late; the bound itself is measured from the clocks below. */
const DEADLINE_MS = 25_000

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** How a world differs from the usual. */
export interface WorldOptions {
  readonly access?: Partial<AccessOptions>
  readonly aws?: LocalAwsOptions
  /** Where the gateway believes AWS to be, given the port it is at. */
  readonly endpoint?: (port: number) => string
}

/** A customer with an AWS account and a gateway's parts, of one test alone, so that many run side by side. */
export class RevocationWorld {
  readonly customer: Customer
  parts: GatewayParts
  readonly #directory: string
  readonly #options: WorldOptions

  private constructor(customer: Customer, parts: GatewayParts, directory: string, options: WorldOptions) {
    this.customer = customer
    this.parts = parts
    this.#directory = directory
    this.#options = options
  }

  /** Runs a test in a world of its own. */
  static async with(options: WorldOptions, test: (world: RevocationWorld) => Promise<void>): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-'))
    const customer = await Customer.start(options.aws)
    const world = new RevocationWorld(
      customer,
      await partsOf(customer, directory, options),
      directory,
      options,
    )
    try {
      await test(world)
    } finally {
      await world.parts.close()
      await customer.stop()
      rmSync(directory, { recursive: true })
    }
  }

  get jira(): TenantApp {
    return this.customer.tenant
  }

  get confluence(): TenantApp {
    return { ...this.customer.tenant, app: 'confluence' }
  }

  /** The gateway's parts, stopped and started on the same registry. */
  async restart(): Promise<void> {
    await this.parts.close()
    this.parts = await partsOf(this.customer, this.#directory, this.#options)
  }

  /** One request: admission, key, and the check before release. Without an app as a caller of the whole authority. */
  async request(app?: TenantApp, dataClass: DataClass = 'issue'): Promise<void> {
    const lease = await this.parts.access.admit(app ?? this.customer.authority)
    const key = await this.parts.keyring.active({ tenant: app ?? this.jira, dataClass })
    key.derived('field-1')
    lease.assertValid()
  }

  /** Runs requests until one is refused; the last success, minus infinity when there was none, and the refusal. */
  async refused(
    app?: TenantApp,
    dataClass?: DataClass,
  ): Promise<{ lastAllowedMs: number; refusal: unknown }> {
    const startedMs = performance.now()
    for (let lastAllowedMs = Number.NEGATIVE_INFINITY; ; await pause(10)) {
      try {
        await this.request(app, dataClass)
        lastAllowedMs = performance.now()
      } catch (refusal) {
        return { lastAllowedMs, refusal }
      }
      if (lastAllowedMs - startedMs > DEADLINE_MS) throw new Error('requests were never refused')
    }
  }

  /** Runs requests until one is served. */
  async served(app?: TenantApp, dataClass?: DataClass): Promise<void> {
    const startedMs = performance.now()
    for (;;) {
      try {
        await this.request(app, dataClass)
        return
      } catch (refusal) {
        if (performance.now() - startedMs > DEADLINE_MS) throw refusal
      }
      await pause(20)
    }
  }
}

function partsOf(customer: Customer, directory: string, options: WorldOptions): Promise<GatewayParts> {
  const { endpoint, access } = options
  const address = endpoint?.(customer.local.port)
  return startParts(
    customer,
    join(directory, 'registry.sqlite'),
    { revocationBoundMs: BOUND_MS, probeIntervalMsMax: 1_000, ...access },
    address === undefined ? undefined : { kms: () => address, sts: () => address },
  )
}
