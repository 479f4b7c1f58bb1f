import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { AccessControl } from './access/access-control.ts'
import type { Lease } from './access/lease.ts'
import { PortcullisError } from './errors.ts'
import type { Exchange } from './listener/exchange.ts'
import { refuseRaw } from './listener/refuse-raw.ts'
import type { Request } from './listener/request.ts'
import type { RequestHead } from './listener/request-head.ts'
import { nextRequestId } from './listener/request-id.ts'
import type { DocumentProtocol } from './protocol/document/document-protocol.ts'
import type { DocumentStore } from './protocol/document/document-store.ts'
import { passUpgrade } from './protocol/document/upgrade.ts'
import type { FieldCodec } from './protocol/json/codec.ts'
import type { DirectoryHolder } from './tenant/directory-holder.ts'
import type { PeerCertificate } from './tenant/caller.ts'
import { type ResolvedTenant, resolveTenant } from './tenant/resolve.ts'
import type { AppType, TenantApp } from './tenant/tenant.ts'

/** A store with what the stages need to know of it. */
export interface MountedStore extends DocumentStore {
  readonly apps: readonly AppType[]
}

/** What the stages work with. */
export interface DataPlaneParts {
  readonly directory: DirectoryHolder
  readonly stores: readonly MountedStore[]
  readonly access: AccessControl
  readonly documents: DocumentProtocol
  /** Seals and opens for a tenant's requests to a store. */
  codecFor(tenant: ResolvedTenant, store: MountedStore): FieldCodec
}

/** The stages of a request, in order: store, credentials and tenant, lease, then the protocol of the store. */
export class DataPlane {
  readonly #parts: DataPlaneParts

  constructor(parts: DataPlaneParts) {
    this.#parts = parts
  }

  /** Runs the stages; synchronous while the tenant is warm. */
  handle(exchange: Exchange): void | Promise<void> {
    const store = this.#storeAt(exchange.path)
    exchange.store = store.name
    const tenant = this.#tenantOf(exchange.head, exchange.request, store)
    exchange.tenant = tenant.site.name
    exchange.app = tenant.app.app
    exchange.caller = tenant.caller.name
    const lease = this.#parts.access.admit(tenant.app)
    if (lease instanceof Promise)
      return lease.then((granted) => this.#serve(exchange, store, tenant, granted))
    return this.#serve(exchange, store, tenant, lease)
  }

  /** The stages of an `Upgrade` request; answers for everything that goes wrong. */
  upgrade(request: Request, head: RequestHead, socket: Duplex, firstBytes: Buffer): void {
    const requestId = head.requestId ?? nextRequestId()
    let tenant: string | undefined
    const refuse = (thrown: unknown): void => refuseRaw(socket, thrown, { place: { requestId, tenant } })
    const admit = async (): Promise<void> => {
      const { target } = request
      const queryAt = target.indexOf('?')
      const path = queryAt === -1 ? target : target.slice(0, queryAt)
      const query = queryAt === -1 ? '' : target.slice(queryAt)
      const store = this.#storeAt(path)
      const resolved = this.#tenantOf(head, request, store)
      tenant = resolved.site.name
      const renewed = async (): Promise<Lease> => this.#parts.access.admit(resolved.app)
      const lease = await renewed()
      const protocol = head.upgrade ?? ''
      const exchange = { requestId, path, query, protocol, head, socket, firstBytes, refuse }
      passUpgrade(exchange, store, lease, renewed)
    }
    admit().catch(refuse)
  }

  #storeAt(path: string): MountedStore {
    for (const store of this.#parts.stores) {
      if (
        path.startsWith(store.mount) &&
        (path.length === store.mount.length || path[store.mount.length] === '/')
      ) {
        return store
      }
    }
    throw new PortcullisError('store-unknown', 'No store is mounted at this path.')
  }

  #tenantOf(head: RequestHead, request: Request, store: MountedStore): ResolvedTenant {
    return resolveTenant(this.#parts.directory.current, head, store.apps, peerCertificate(request))
  }

  #serve(
    exchange: Exchange,
    store: MountedStore,
    tenant: ResolvedTenant,
    lease: Lease,
  ): void | Promise<void> {
    if (exchange.ended) return
    exchange.admit(lease)
    return this.#parts.documents.handle({
      exchange,
      store,
      codec: this.#parts.codecFor(tenant, store),
      admitted: (waiting, release) => this.#whenAdmitted(waiting, tenant.app, release),
    })
  }

  // A lease that has run out between two verifications is awaited, never overrun.
  #whenAdmitted(exchange: Exchange, app: TenantApp, release: () => void): void {
    if (exchange.admitted) {
      release()
      return
    }
    const again = async (): Promise<void> => {
      const lease = await this.#parts.access.admit(app)
      if (exchange.ended) return
      exchange.admit(lease)
      release()
    }
    again().catch((thrown: unknown) => exchange.fail(thrown))
  }
}

function peerCertificate(request: Request): PeerCertificate | undefined {
  const socket = request.socket as Partial<TLSSocket>
  if (socket.authorized !== true) return undefined
  return socket.getPeerCertificate?.()
}
