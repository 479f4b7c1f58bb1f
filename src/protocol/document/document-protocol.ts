import type { BodyPlan, RouteMatch } from '../../coverage/coverage.ts'
import { PortcullisError } from '../../errors.ts'
import type { ByteBudget } from '../../listener/byte-budget.ts'
import type { Exchange } from '../../listener/exchange.ts'
import type { StoreRequest } from '../../upstream/upstream.ts'
import type { FieldCodec } from '../json/codec.ts'
import type { JsonLimits } from '../json/limits.ts'
import { sealJsonPatch } from '../json/json-patch.ts'
import { sealQuery } from '../json/query.ts'
import type { BodyTransform } from './body-transform.ts'
import type { DocumentStore } from './document-store.ts'
import { opening, sealing, type TransformScope } from './document-transform.ts'
import { type BodyKind, bodyKind } from './media-type.ts'
import { type BodyLimits, collectBody, hasBody, isSmall, UploadStream } from './request-body.ts'
import { coveredRequestHeaders, passedRequestHeaders } from './request-headers.ts'
import type { Admitted } from './response-stream.ts'
import { type ResponsePlan, StoreResponse } from './store-response.ts'

/** What the stages before have settled about an exchange. */
export interface DocumentExchange {
  readonly exchange: Exchange
  readonly store: DocumentStore
  /** Seals under the tenant's keys and opens what belongs to the tenant. */
  readonly codec: FieldCodec
  readonly admitted: Admitted
}

/** Carries exchanges to document stores and back: JSON over HTTP, covered values sealed and opened on the way. */
export class DocumentProtocol {
  readonly #limits: BodyLimits
  readonly #budget: ByteBudget
  readonly #jsonLimits: Partial<JsonLimits>

  constructor(limits: BodyLimits, budget: ByteBudget) {
    this.#limits = limits
    this.#budget = budget
    this.#jsonLimits = { valueBytesMax: limits.valueBytesMax, depthMax: limits.depthMax }
  }

  /** Runs one exchange; what goes wrong later is answered through `exchange.fail`. */
  handle(context: DocumentExchange): void | Promise<void> {
    const { exchange, store } = context
    const route = findRoute(exchange, store)
    exchange.route = route?.template ?? 'uncovered'
    if (route === undefined || route.action !== 'transform') {
      this.#pass(context)
      return
    }
    const query =
      route.query.length === 0 ? exchange.query : sealQuery(exchange.query, route.query, context.codec)
    if (query instanceof Promise) return query.then((sealed) => this.#transform(context, route, sealed))
    this.#transform(context, route, query)
  }

  #pass(context: DocumentExchange): void {
    const { exchange, store } = context
    const headers = passedRequestHeaders(exchange.head.forwarded, exchange.id)
    const plan = this.#responsePlan(context, undefined)
    const path = exchange.path.slice(store.mount.length) + exchange.query
    if (!hasBody(exchange)) send(context, { method: exchange.method, path, headers, body: undefined }, plan)
    else this.#sendBody(context, { method: exchange.method, path, headers, body: undefined }, plan, undefined)
  }

  #transform(context: DocumentExchange, route: RouteMatch, query: string): void {
    const { exchange, store, codec } = context
    const headers = coveredRequestHeaders(exchange.head.forwarded, exchange.id)
    const plan = this.#responsePlan(context, route)
    const path = exchange.path.slice(store.mount.length) + query
    const request = { method: exchange.method, path, headers, body: undefined }
    if (!hasBody(exchange)) {
      send(context, request, plan)
      return
    }
    const scope = this.#scope(route.request, codec)
    const transform = requestTransform(route.request, bodyKind(exchange.head.contentType), scope)
    this.#sendBody(context, request, plan, transform, route.limits.requestBytesMax)
  }

  #sendBody(
    context: DocumentExchange,
    request: StoreRequest,
    plan: ResponsePlan,
    transform: BodyTransform | undefined,
    routeBytesMax?: number,
  ): void {
    const { exchange } = context
    const bodyBytesMax = Math.min(this.#limits.bodyBytesMax, routeBytesMax ?? Infinity)
    if ((exchange.head.contentLength ?? 0) > bodyBytesMax) {
      throw new PortcullisError('body-too-large', `A body may have ${bodyBytesMax} bytes here.`)
    }
    if (isSmall(exchange, this.#limits, transform !== undefined)) {
      collectBody(exchange, this.#budget, (body) => sendWhole(context, request, plan, transform, body))
      return
    }
    const body = new UploadStream(exchange, transform, { bodyBytesMax }, this.#budget)
    const length = transform === undefined ? exchange.head.contentLength : undefined
    send(context, { ...request, body, ...(length === undefined ? {} : { contentLength: length }) }, plan)
  }

  #responsePlan(context: DocumentExchange, route: RouteMatch | undefined): ResponsePlan {
    const { store, codec } = context
    return {
      covered: route !== undefined,
      transform: (status, contentType) =>
        route === undefined
          ? undefined
          : responseTransform(
              route.response,
              status,
              contentType,
              this.#scope(route.response, codec),
              store.mixed,
            ),
      bodyBytesMax: route?.limits.responseBytesMax ?? Infinity,
      mount: store,
      bufferedBodyBytesMax: this.#limits.bufferedBodyBytesMax,
      budget: this.#budget,
      admitted: context.admitted,
    }
  }

  #scope({ state }: BodyPlan, codec: FieldCodec): TransformScope {
    return { state, codec, limits: this.#jsonLimits }
  }
}

/** The row for a request; undefined where an unknown route may pass. Throws `route-not-covered`. */
export function findRoute(
  exchange: Pick<Exchange, 'path' | 'method'>,
  store: DocumentStore,
): RouteMatch | undefined {
  const path = exchange.path.slice(store.mount.length) || '/'
  const route = store.coverage.matchRoute(exchange.method, path)
  if (route === undefined && store.passUncovered) return undefined
  if (route === undefined || route.action === 'refuse') {
    throw new PortcullisError(
      'route-not-covered',
      `The coverage ${store.coverage.name} has no rule for this route.`,
    )
  }
  return route
}

function requestTransform(plan: BodyPlan, kind: BodyKind, scope: TransformScope): BodyTransform | undefined {
  const { shape } = plan
  if (shape === 'clear') return undefined
  if (shape === 'none') throw new PortcullisError('request-malformed', 'This route takes no body.')
  const plain = kind === 'json' || kind === 'text'
  if (shape === 'patch' && kind === 'json-patch') {
    const { state, codec, limits } = scope
    return { whole: (body) => sealJsonPatch(body, state, codec, limits), stream: refuseLongPatch }
  }
  if (shape === 'patch' && (plain || kind === 'merge-patch')) return sealing(scope, 'json', true)
  if (shape === 'ndjson' && (plain || kind === 'ndjson')) return sealing(scope, 'ndjson', false)
  if (shape === 'json' && plain) return sealing(scope, 'json', false)
  throw new PortcullisError(
    'media-type-unsupported',
    'A body of this Content-Type cannot be encrypted on this route.',
  )
}

function refuseLongPatch(): never {
  throw new PortcullisError(
    'length-required',
    'A JSON patch must state its Content-Length, be short and not compressed.',
  )
}

function responseTransform(
  plan: BodyPlan,
  status: number,
  contentType: string | undefined,
  scope: TransformScope,
  mixed: boolean,
): BodyTransform | undefined {
  if (plan.shape === 'none' || plan.shape === 'clear') return undefined
  const kind = bodyKind(contentType)
  const sound = status >= 200 && status < 300
  // An error body is the store's own words; envelopes in it are opened where they can be found.
  if (!sound) return kind === 'other' || kind === 'text' ? undefined : opening(scope, kind, true)
  if (status === 206)
    throw new PortcullisError('store-response-invalid', 'The store answered with a part of a document.')
  if (kind === 'other') {
    throw new PortcullisError(
      'store-response-invalid',
      'The store answered a covered route with something other than JSON.',
    )
  }
  return opening(scope, plan.shape === 'ndjson' ? 'ndjson' : kind, mixed)
}

function sendWhole(
  context: DocumentExchange,
  request: StoreRequest,
  plan: ResponsePlan,
  transform: BodyTransform | undefined,
  body: Buffer,
): void {
  const sealed = transform === undefined ? body : transform.whole(body)
  if (sealed instanceof Promise) {
    sealed
      .then((bytes) => send(context, { ...request, body: bytes }, plan))
      .catch((thrown: unknown) => context.exchange.fail(thrown))
  } else {
    send(context, { ...request, body: sealed }, plan)
  }
}

/** Hands a request to the store, once the exchange may: a write must not outrun a revocation either. */
function send(context: DocumentExchange, request: StoreRequest, plan: ResponsePlan): void {
  const { exchange, store } = context
  context.admitted(exchange, () => {
    if (exchange.ended) return
    const abort = store.upstream.dispatch(request, new StoreResponse(exchange, plan))
    exchange.onAbort(abort)
  })
}
