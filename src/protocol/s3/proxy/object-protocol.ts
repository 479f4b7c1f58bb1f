import type { Lease } from '../../../access/lease.ts'
import type { Exchange } from '../../../listener/exchange.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import type { Address } from '../address.ts'
import { assertKeyLength, parseAddress } from '../address.ts'
import { s3Face } from '../error-document.ts'
import { S3Error } from '../errors.ts'
import { requiredField } from '../form-reader.ts'
import type { Operation, OperationName } from '../operations.ts'
import { recognise } from '../operations.ts'
import { assertPolicyMet } from '../post-policy.ts'
import type { SignatureClaim } from '../signature-claim.ts'
import { readFormClaim, readSignatureClaim } from '../signature-claim.ts'
import type { QueryParameter } from '../uri-encoding.ts'
import { parseQuery } from '../uri-encoding.ts'
import { verifyForm } from '../verify-form.ts'
import type { VerifiedRequest } from '../verify-signature.ts'
import { verifiedFor, verifySignature } from '../verify-signature.ts'
import { Backend } from './backend.ts'
import { bucketEncryption } from './bucket-encryption.ts'
import { completeMultipartUpload } from './complete-upload.ts'
import { copyObject, uploadPartCopy } from './copy-object.ts'
import { getObject } from './get-object.ts'
import { headObject } from './head-object.ts'
import { listObjects, listParts } from './list-objects.ts'
import { createMultipartUpload } from './create-upload.ts'
import { getObjectAttributes } from './object-attributes.ts'
import { ObjectExchange } from './object-exchange.ts'
import type { AccessKey, ObjectMount, ObjectProtocolParts, SealedAccessKey } from './object-mount.ts'
import { assertBucketAllowed } from './object-mount.ts'
import { passOperation } from './pass-operation.ts'
import { answerPreflight } from './preflight.ts'
import { postObject } from './post-object.ts'
import { headersOf, isForm, policyOf, receiveForm } from './posted-form.ts'
import { publicError } from './public-error.ts'
import { putObject, uploadPart } from './put-object.ts'

type Handler = (context: ObjectExchange) => Promise<void>

const HANDLERS: ReadonlyMap<OperationName, Handler> = new Map<OperationName, Handler>([
  ['GetObject', getObject],
  ['HeadObject', headObject],
  ['PutObject', putObject],
  ['CopyObject', copyObject],
  ['DeleteObjects', passOperation],
  ['GetObjectAttributes', getObjectAttributes],
  ['ListObjects', listObjects],
  ['ListObjectsV2', listObjects],
  ['ListObjectVersions', listObjects],
  ['CreateMultipartUpload', createMultipartUpload],
  ['UploadPart', uploadPart],
  ['UploadPartCopy', uploadPartCopy],
  ['ListParts', listParts],
  ['CompleteMultipartUpload', completeMultipartUpload],
  ['GetBucketEncryption', bucketEncryption],
  ['PostObject', refusePost],
])

/** What a request asks for, from its target and headers or from a form. */
interface Asked {
  readonly query: readonly QueryParameter[]
  readonly headers: RawHeaders
  readonly address: Address
  readonly operation: Operation
}

function refusePost(): Promise<void> {
  throw new S3Error('PreconditionFailed', 'Bucket POST must be of the enclosure-type multipart/form-data')
}

/** Carries exchanges to S3 stores and back: content sealed and opened on the way, everything else signed anew. */
export class ObjectProtocol {
  readonly #parts: ObjectProtocolParts

  constructor(parts: ObjectProtocolParts) {
    this.#parts = parts
  }

  /**
   * Runs one exchange: signature, tenant, lease, operation. Answers every refusal as S3 does; what goes wrong later is
   * answered through `exchange.fail`.
   */
  handle(exchange: Exchange, mount: ObjectMount): void | Promise<void> {
    exchange.face = s3Face
    exchange.store = mount.name
    exchange.route = 'unverified'
    if (exchange.method === 'OPTIONS') return this.#preflight(exchange, mount)
    if (isForm(exchange)) return this.#post(exchange, mount)
    const query = parseQuery(exchange.query.slice(1))
    const claim = readSignatureClaim(exchange.request.rawHeaders, query)
    const sealed = mount.sealedAccessKeyOf?.(claim.accessKeyId)
    if (sealed !== undefined) return this.#openAndServe(exchange, mount, query, claim, sealed)
    const verified = this.#verify(exchange, mount, query, claim, (id) => mount.accessKeyOf(id))
    exchange.tenant = verified.credential.site
    exchange.app = verified.credential.writer.app
    const lease = this.#parts.admit(verified.credential.writer)
    if (lease instanceof Promise)
      return lease.then((granted) => this.#serve(exchange, mount, query, verified, granted))
    return this.#serve(exchange, mount, query, verified, lease)
  }

  #verify(
    exchange: Exchange,
    mount: ObjectMount,
    query: readonly QueryParameter[],
    claim: SignatureClaim,
    credentialOf: (accessKeyId: string) => AccessKey | undefined,
  ): VerifiedRequest<AccessKey> {
    const verified = verifySignature(
      { method: exchange.method, path: exchange.path, query, headers: exchange.request.rawHeaders, claim },
      { credentialOf, region: mount.clientRegion, now: () => this.#parts.wallTimeMs() },
    )
    exchange.caller = verified.credential.accessKeyId
    return verified
  }

  /** The secret that the signature is verified with obeys a revocation itself: the lease comes first. */
  async #openAndServe(
    exchange: Exchange,
    mount: ObjectMount,
    query: readonly QueryParameter[],
    claim: SignatureClaim,
    sealed: SealedAccessKey,
  ): Promise<void> {
    exchange.tenant = sealed.site
    exchange.app = sealed.writer.app
    const lease = await this.#parts.admit(sealed.writer)
    const accessKey = await sealed.open()
    if (exchange.ended) return
    await this.#serve(
      exchange,
      mount,
      query,
      this.#verify(exchange, mount, query, claim, () => accessKey),
      lease,
    )
  }

  /** A form of a browser, which says who signed it only in its body. */
  async #post(exchange: Exchange, mount: ObjectMount): Promise<void> {
    const form = await receiveForm(exchange)
    const claim = readFormClaim(form.values)
    const sealed = mount.sealedAccessKeyOf?.(claim.accessKeyId)
    let lease: Lease | undefined
    let accessKey: AccessKey | undefined
    if (sealed !== undefined) {
      exchange.tenant = sealed.site
      exchange.app = sealed.writer.app
      lease = await this.#parts.admit(sealed.writer)
      accessKey = await sealed.open()
    }
    const credentialOf = (id: string): AccessKey | undefined => accessKey ?? mount.accessKeyOf(id)
    const verified = verifyForm(form.values, claim, { credentialOf, region: mount.clientRegion })
    exchange.caller = verified.credential.accessKeyId
    exchange.tenant = verified.credential.site
    exchange.app = verified.credential.writer.app
    lease ??= await this.#parts.admit(verified.credential.writer)
    if (exchange.ended) return
    exchange.admit(lease)
    const address = parseAddress(exchange.path, exchange.head.host, mount.addressing)
    const operation = recognise('POST', address, [], false)
    exchange.route = operation.name
    if (address.level !== 'bucket') throw new S3Error('MethodNotAllowed')
    const { bucket } = address
    assertBucketAllowed(verified.credential, bucket)
    const key = requiredField(form.values, 'key')
    assertKeyLength(key)
    const policy = policyOf(form)
    assertPolicyMet(policy, form.values, bucket, this.#parts.wallTimeMs())
    const asked = {
      query: [],
      headers: headersOf(form),
      address: { level: 'object', bucket, key },
      operation,
    } as const
    await this.#run(exchange, mount, verified, asked, (context) => postObject(context, form, policy))
  }

  async #preflight(exchange: Exchange, mount: ObjectMount): Promise<void> {
    // Of a presigned URL: it only chooses whose bucket of that name is meant, and proves nothing.
    const named = parseQuery(exchange.query.slice(1)).find(({ name }) => name === 'X-Amz-Credential')
    const accessKey = named && mount.accessKeyOf(named.value.split('/')[0]!)
    const credential = accessKey?.storeCredential ?? mount.credential
    const backend = new Backend(mount, exchange, credential, () => this.#parts.wallTimeMs())
    await answerPreflight(exchange, mount, backend)
  }

  async #serve(
    exchange: Exchange,
    mount: ObjectMount,
    query: readonly QueryParameter[],
    verified: VerifiedRequest<AccessKey>,
    lease: Lease,
  ): Promise<void> {
    if (exchange.ended) return
    exchange.admit(lease)
    const address = parseAddress(exchange.path, exchange.head.host, mount.addressing)
    const copies = headerValue(exchange.request.rawHeaders, 'x-amz-copy-source') !== undefined
    const operation = recognise(exchange.method, address, query, copies)
    exchange.route = operation.name
    if (address.level !== 'service') assertBucketAllowed(verified.credential, address.bucket)
    const handler = operation.action === 'passed' ? passOperation : HANDLERS.get(operation.name)
    if (handler === undefined) throw new S3Error('NotImplemented', undefined, { Operation: operation.name })
    const asked = { query, headers: exchange.request.rawHeaders, address, operation }
    await this.#run(exchange, mount, verifiedFor(operation.name, verified), asked, handler)
  }

  async #run(
    exchange: Exchange,
    mount: ObjectMount,
    verified: VerifiedRequest<AccessKey>,
    asked: Asked,
    handler: Handler,
  ): Promise<void> {
    const credential = verified.credential.storeCredential ?? mount.credential
    const backend = new Backend(mount, exchange, credential, () => this.#parts.wallTimeMs())
    const context = new ObjectExchange({ exchange, mount, parts: this.#parts, backend, verified, ...asked })
    try {
      await handler(context)
    } catch (thrown) {
      throw publicError(thrown)
    }
  }
}
