import { Catalog } from '../provisioning/catalog.ts'
import { directoryInput, nextExpiry } from '../provisioning/tenant-directory.ts'
import type { ControlPlane } from '../registry/control-plane/control-plane.ts'
import { Directory } from '../tenant/directory.ts'
import { DirectoryHolder } from '../tenant/directory-holder.ts'
import type { Settings } from './settings.ts'

/** A timer cannot wait longer; a token that expires later is looked at again then. */
const TIMER_MS_MAX = 24 * 60 * 60_000

/** The directory in force: file and registry as one, built anew after every change. */
export class TenantDirectory {
  readonly catalog: Catalog
  readonly holder: DirectoryHolder
  readonly #settings: Settings
  readonly #controlPlane: ControlPlane
  readonly #onError: (error: unknown) => void
  #expiry: NodeJS.Timeout | undefined

  constructor(settings: Settings, controlPlane: ControlPlane, onError: (error: unknown) => void) {
    this.#settings = settings
    this.#controlPlane = controlPlane
    this.#onError = onError
    this.catalog = new Catalog(settings.configuration, controlPlane)
    this.holder = new DirectoryHolder(this.#build())
    controlPlane.onChange(() => this.#swap())
  }

  close(): void {
    clearTimeout(this.#expiry)
  }

  #swap(): void {
    try {
      this.holder.swap(this.#build())
    } catch (error) {
      // the one in force stays: half a directory would refuse tenants that are there
      this.#onError(error)
    }
  }

  #build(): Directory {
    const { configuration, materials } = this.#settings
    const { snapshot } = this.#controlPlane
    const nowIso = new Date().toISOString()
    const credentials = { tokens: materials.tokens, clientCertificates: configuration.clientCertificates }
    const directory = new Directory(directoryInput(this.catalog, snapshot, credentials, nowIso))
    this.#awaitExpiry(nextExpiry(snapshot, nowIso))
    return directory
  }

  #awaitExpiry(next: string | undefined): void {
    clearTimeout(this.#expiry)
    if (next === undefined) return
    const delayMs = Math.min(Math.max(0, Date.parse(next) - Date.now()) + 1, TIMER_MS_MAX)
    this.#expiry = setTimeout(() => this.#swap(), delayMs)
    this.#expiry.unref()
  }
}
