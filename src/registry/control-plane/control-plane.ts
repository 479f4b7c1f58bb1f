import { integer } from '../sql/columns.ts'
import type { SqlEngine } from '../sql/engine.ts'
import type { SqlWork } from '../sql/statement.ts'
import { sql } from '../sql/statement.ts'
import type { ControlPlaneChanges } from './records.ts'
import {
  accessKeyRecord,
  administratorRecord,
  appRecord,
  appTokenRecord,
  byokRecord,
  organizationRecord,
  siteRecord,
} from './rows.ts'
import { ControlPlaneSnapshot } from './snapshot.ts'

/** Organizations, sites, apps and credentials: reads from memory, writes durable before they resolve. */
export class ControlPlane {
  readonly snapshot = new ControlPlaneSnapshot()
  readonly #engine: SqlEngine
  readonly #listeners: (() => void)[] = []
  #mark = 0
  #reading: Promise<void> | undefined
  #readAgain = false

  private constructor(engine: SqlEngine) {
    this.#engine = engine
  }

  /** Loads everything that reads are answered from. */
  static async load(engine: SqlEngine): Promise<ControlPlane> {
    const controlPlane = new ControlPlane(engine)
    await controlPlane.refresh()
    return controlPlane
  }

  /** Revision up to which the snapshot is complete. */
  get revision(): number {
    return this.#mark
  }

  /** Runs a change; when it resolves, this process's snapshot has it. */
  async change<Result>(work: (revision: number) => SqlWork<Result>): Promise<Result> {
    const result = await this.#engine.transact(work)
    await this.refresh()
    return result
  }

  /** Takes in everything that was committed before the call. */
  async refresh(): Promise<void> {
    // what is being read may have begun before the commit that the caller knows of
    this.#readAgain = true
    this.#reading ??= this.#read()
    await this.#reading
  }

  /** Calls back after the snapshot has changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async #read(): Promise<void> {
    try {
      while (this.#readAgain) {
        this.#readAgain = false
        await this.#readOnce()
      }
    } finally {
      this.#reading = undefined
    }
  }

  async #readOnce(): Promise<void> {
    const [state] = await this.#engine.query(sql`SELECT revision FROM registry_state`)
    const revision = integer(state!, 'revision')
    if (revision === this.#mark) return
    const changes = await this.#changesAfter(this.#mark)
    this.snapshot.apply(changes)
    this.#mark = revision
    if (Object.values(changes).every((records) => records.length === 0)) return
    for (const listener of this.#listeners) listener()
  }

  async #changesAfter(mark: number): Promise<ControlPlaneChanges> {
    const query = this.#engine.query.bind(this.#engine)
    const [organizations, byok, sites, apps, appTokens, accessKeys, administrators] = await Promise.all([
      query(sql`SELECT * FROM organization WHERE revision > ${mark}`),
      query(sql`SELECT * FROM byok WHERE revision > ${mark}`),
      query(sql`SELECT * FROM site WHERE revision > ${mark}`),
      query(sql`SELECT * FROM app WHERE revision > ${mark}`),
      query(sql`SELECT * FROM app_token WHERE revision > ${mark}`),
      query(sql`SELECT * FROM access_key WHERE revision > ${mark}`),
      query(sql`SELECT * FROM administrator WHERE revision > ${mark}`),
    ])
    return {
      organizations: organizations.map(organizationRecord),
      byok: byok.map(byokRecord),
      sites: sites.map(siteRecord),
      apps: apps.map(appRecord),
      appTokens: appTokens.map(appTokenRecord),
      accessKeys: accessKeys.map(accessKeyRecord),
      administrators: administrators.map(administratorRecord),
    }
  }
}
