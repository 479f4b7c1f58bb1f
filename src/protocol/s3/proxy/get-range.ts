import type { PartHeader } from '../../../envelope/parts/header.ts'
import { siblingHeader } from '../../../envelope/parts/header.ts'
import type { FrameSizing } from '../../../envelope/parts/layout.ts'
import { frameAt, frameEndAt, frameSizings, MARK_BYTES } from '../../../envelope/parts/layout.ts'
import { EnvelopeError } from '../../../envelope/envelope-error.ts'
import { PartsOpener } from '../../../envelope/parts/parts-opener.ts'
import { planRange } from '../../../envelope/ranges.ts'
import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { S3Error } from '../errors.ts'
import type { ByteRange, RangeRequest } from '../ranges.ts'
import { contentRange, resolveRange } from '../ranges.ts'
import type { BackendResponse } from './backend-response.ts'
import { ContinuedResponse } from './continued-response.ts'
import type { OpenedHead } from './first-stream.ts'
import { placeOf, readHead, readStored } from './first-stream.ts'
import type { OpenedSink } from './object-delivery.ts'
import { ClientDelivery, OpenedBody } from './object-delivery.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { findLengths } from './part-lengths.ts'
import type { PartLengths, PartRange } from './part-plan.ts'
import { planPartRange, uniformLengths } from './part-plan.ts'
import { storeQuery, storeRequestHeaders } from './request-headers.ts'
import { objectResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'
import { WholeOpener } from './whole-opener.ts'

const ATTEMPTS_MAX = 3

/** GetObject with a range: the first header, then the frames that hold the range. */
export async function getRange(context: ObjectExchange, asked: RangeRequest): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const overrides = storeQuery(context).filter(([name]) => name !== 'versionId')
    const head = await readHead(context, placeOf(context), storeRequestHeaders(context), overrides)
    if (!('stored' in head)) {
      await passRefusal(context, head)
      return
    }
    const range = resolveRange(asked, head.stored.plaintextBytes)
    if (range === undefined) throw unsatisfiable(context, head.stored.plaintextBytes)
    const opened = await openRange(context, head, range)
    if (opened !== undefined) {
      const delivery = new ClientDelivery(context, 206, rangeHeaders(context, head, range))
      delivery.start(opened(delivery))
      return
    }
    // The object was replaced between the two requests: the new one is read instead.
  }
  throw new PortcullisError('store-response-invalid', 'The object changes faster than it can be read.')
}

/** Makes the body of a range for whoever takes it. */
type BodyMaker = (sink: OpenedSink) => OpenedBody

/** Requests the stored bytes of a plaintext range; undefined when the object has been replaced. */
export async function openRange(
  context: ObjectExchange,
  head: OpenedHead,
  range: ByteRange,
): Promise<BodyMaker | undefined> {
  const { memory } = context.parts
  const { stored, header, place } = head
  if (stored.streams === undefined) {
    const plan = planRange(header.plaintextBytes, range.start, range.end + 1)
    const response = await readStored(context, head, plan.fetchStart, plan.fetchEnd)
    if (response === undefined) return undefined
    const { firstFrame, skipBytes, takeBytes } = plan
    const opener = new WholeOpener(memory, { header, firstFrame, skipBytes, takeBytes })
    return (sink) => new OpenedBody(context, response, { opener, place }, sink)
  }
  const uniform = uniformLengths(header.plaintextBytes, stored.plaintextBytes, stored.streams)
  const [likely, other] = frameSizings(header as PartHeader)
  if (uniform !== undefined) {
    const [plan, otherPlan] = plansOf(uniform, range, [likely, other])
    const made = await openParts(context, head, plan, otherPlan)
    if (made !== 'not-alike') return made
  }
  const found = await findLengths(context, head)
  if (found === undefined) return undefined
  const [plan, otherPlan] = plansOf(found, range, [likely, other])
  let made = await openParts(context, head, plan, otherPlan)
  if (made === 'not-alike') made = await openParts(context, head, otherPlan, plan)
  if (made === 'not-alike') throw new EnvelopeError('not-authentic', 'the parts are not where they must be')
  return made
}

function plansOf(
  lengths: PartLengths,
  range: ByteRange,
  [likely, other]: readonly [FrameSizing, FrameSizing],
): [PartRange, PartRange] {
  return [planPartRange(lengths, range, likely), planPartRange(lengths, range, other)]
}

/** Reads by `plan`, which the first frame proves; a last part that is sized otherwise shows once its header is read. */
async function openParts(
  context: ObjectExchange,
  head: OpenedHead,
  plan: PartRange,
  otherPlan: PartRange,
): Promise<BodyMaker | 'not-alike' | undefined> {
  const response = await readStored(context, head, plan.fetchStart, plan.fetchEnd)
  if (response === undefined) return undefined
  const frameBytes = frameEndAt(plan.part, plan.offset) - frameAt(plan.part, plan.offset).sealedAt
  const frame = (await response.peek(frameBytes)).subarray(0, frameBytes)
  if (!(await isFrameOf(context, head, plan, frame))) {
    response.abort()
    return 'not-alike'
  }
  const opener = partOpener(context, head, plan, frame, plan.takeBytes)
  const rest = (): Promise<BackendResponse | undefined> =>
    readStored(context, head, plan.fetchEnd, otherPlan.fetchEnd)
  const source =
    otherPlan.fetchEnd > plan.fetchEnd
      ? new ContinuedResponse(response, () => !opener.satisfied, rest)
      : response
  return (sink) => new OpenedBody(context, source, { opener, place: head.place }, sink)
}

/** Opens the first frame, which tells whether the parts are as supposed, before anything is promised to the client. */
async function isFrameOf(
  context: ObjectExchange,
  head: OpenedHead,
  plan: PartRange,
  frame: Buffer,
): Promise<boolean> {
  if (frame.length < MARK_BYTES) return false
  const opener = partOpener(context, head, plan, frame, 1)
  const key = await context.openingKey(head.header.keyId)
  const streamContext = context.contextOf(key.scope.tenant, head.place.bucket, head.place.key)
  try {
    const pieces = opener.supplyKey(head.header.keyId, key.derived('stream'), streamContext)
    return [...pieces, ...opener.write(frame)].length > 0
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return false
    throw thrown
  } finally {
    opener.destroy()
  }
}

function partOpener(
  context: ObjectExchange,
  head: OpenedHead,
  plan: PartRange,
  frame: Buffer,
  takeBytes: number,
): PartsOpener {
  const mark = frame.subarray(0, MARK_BYTES)
  const header = siblingHeader(head.header as PartHeader, plan.index + 1, plan.part, mark)
  const range = { header, firstFrame: plan.firstFrame, skipBytes: plan.skipBytes, takeBytes }
  return new PartsOpener({ memory: context.parts.memory, streams: head.stored.streams!, range })
}

function rangeHeaders(context: ObjectExchange, head: OpenedHead, range: ByteRange): RawHeaders {
  return [
    ...objectResponseHeaders(context, head.response),
    'accept-ranges',
    'bytes',
    'content-length',
    String(range.end - range.start + 1),
    'content-range',
    contentRange(range, head.stored.plaintextBytes),
  ]
}

/** The refusal of a range that selects nothing. */
export function unsatisfiable(context: ObjectExchange, plaintextBytes: number): S3Error {
  return new S3Error(
    'InvalidRange',
    undefined,
    { RangeRequested: context.header('range') ?? '', ActualObjectSize: String(plaintextBytes) },
    { headers: { 'Content-Range': `bytes */${plaintextBytes}` } },
  )
}
