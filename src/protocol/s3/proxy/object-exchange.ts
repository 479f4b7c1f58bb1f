import { StreamContexts } from '../../../envelope/context.ts'
import type { Lease } from '../../../access/lease.ts'
import type { TenantKey } from '../../../keyring/tenant-key.ts'
import type { Exchange } from '../../../listener/exchange.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { TenantApp } from '../../../tenant/tenant.ts'
import type { Address } from '../address.ts'
import { S3Error } from '../errors.ts'
import type { Operation } from '../operations.ts'
import type { QueryParameter } from '../uri-encoding.ts'
import type { VerifiedRequest } from '../verify-signature.ts'
import type { Backend } from './backend.ts'
import type { AccessKey, ObjectMount, ObjectProtocolParts } from './object-mount.ts'

const DATA_CLASS = 'attachment'

const contexts = new WeakMap<ObjectMount, WeakMap<TenantApp, StreamContexts>>()

/** One request to an S3 store after its signature was verified and its tenant admitted. */
export class ObjectExchange {
  readonly exchange: Exchange
  readonly mount: ObjectMount
  readonly parts: ObjectProtocolParts
  readonly backend: Backend
  readonly verified: VerifiedRequest<AccessKey>
  /** Headers as they were sent, or those that the fields of a form stand for. */
  readonly headers: RawHeaders
  readonly query: readonly QueryParameter[]
  readonly address: Address
  readonly operation: Operation
  /** Leases of other apps whose streams are read. */
  readonly #others = new Map<TenantApp, Lease>()

  constructor(
    fields: Omit<
      ObjectExchange,
      | 'bucket'
      | 'key'
      | 'header'
      | 'parameter'
      | 'accessKey'
      | 'sealingKey'
      | 'openingKey'
      | 'contextOf'
      | 'keyArn'
      | 'whenAdmitted'
    >,
  ) {
    this.exchange = fields.exchange
    this.mount = fields.mount
    this.parts = fields.parts
    this.backend = fields.backend
    this.verified = fields.verified
    this.headers = fields.headers
    this.query = fields.query
    this.address = fields.address
    this.operation = fields.operation
  }

  get accessKey(): AccessKey {
    return this.verified.credential
  }

  get bucket(): string {
    if (this.address.level === 'service') throw new S3Error('InvalidRequest')
    return this.address.bucket
  }

  get key(): string {
    if (this.address.level !== 'object') throw new S3Error('InvalidRequest')
    return this.address.key
  }

  /** The root key that clients are told about. */
  get keyArn(): string {
    return this.accessKey.writer.authority.keys[0]!.keyArn
  }

  /** First value of a request header. */
  header(lowerCaseName: string): string | undefined {
    return headerValue(this.headers, lowerCaseName)
  }

  /** First value of a query parameter. */
  parameter(name: string): string | undefined {
    return this.query.find((parameter) => parameter.name === name)?.value
  }

  /** The key that seals. */
  async sealingKey(): Promise<TenantKey> {
    return this.parts.keyring.active({ tenant: this.accessKey.writer, dataClass: DATA_CLASS })
  }

  /**
   * The key that a stored stream names, if this access key may open it. One of another authority is used only under
   * that authority's lease. Synchronous when warm.
   */
  openingKey(keyId: Uint8Array): TenantKey | Promise<TenantKey> {
    const key = this.parts.keyring.byIdAt(this.accessKey.readers, keyId, 0)
    if (key instanceof Promise) return key.then((loaded) => this.#leased(loaded))
    return this.#leased(key)
  }

  /** Context of a stored object under the app that a key belongs to. */
  contextOf(app: TenantApp, bucket: string, key: string): Buffer {
    return contextsOf(this.mount, app).of(Buffer.from(`${bucket}/${key}`))
  }

  /** Runs `release` once bytes may be released: at once while the lease is valid, else after it was renewed. */
  whenAdmitted(release: () => void): void {
    const { exchange } = this
    if (exchange.admitted) {
      release()
      return
    }
    const again = async (): Promise<void> => {
      const lease = await this.parts.admit(this.accessKey.writer)
      for (const tenant of this.#others.keys()) await this.parts.admit(tenant)
      if (exchange.ended) return
      exchange.admit(lease)
      this.whenAdmitted(release)
    }
    again().catch((thrown: unknown) => exchange.fail(thrown))
  }

  #leased(key: TenantKey): TenantKey | Promise<TenantKey> {
    const { tenant } = key.scope
    const { writer } = this.accessKey
    if (tenant.site === writer.site && tenant.app === writer.app) return key
    const lease = this.parts.admit(tenant)
    const hold = (granted: Lease): TenantKey => {
      granted.assertValid()
      if (this.#others.get(tenant) !== granted) this.exchange.admitAlso(granted)
      this.#others.set(tenant, granted)
      return key
    }
    return lease instanceof Promise ? lease.then(hold) : hold(lease)
  }
}

function contextsOf(mount: ObjectMount, app: TenantApp): StreamContexts {
  let ofMount = contexts.get(mount)
  if (ofMount === undefined) contexts.set(mount, (ofMount = new WeakMap()))
  let known = ofMount.get(app)
  if (known === undefined) {
    const { organization, site, app: name } = app
    known = new StreamContexts({ organization, site, app: name, store: mount.name, dataClass: DATA_CLASS })
    ofMount.set(app, known)
  }
  return known
}
