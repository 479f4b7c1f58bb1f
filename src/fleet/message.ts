import { z } from 'zod'
import type { Suspension } from '../registry/suspension.ts'
import { suspensionScope } from '../registry/suspension.ts'
import type { Mark } from './mark.ts'

/** What replicas tell each other. */
export type FleetMessage =
  /** A proof began after `mark` and proved these keys, or stands for all. */
  | {
      readonly type: 'proof'
      readonly authorityId: string
      readonly mark: Mark
      readonly keyIds: readonly string[] | 'all'
    }
  /** A verification that began after `mark` was denied; what is suspended for that comes by itself. */
  | { readonly type: 'denied'; readonly authorityId: string; readonly mark: Mark }
  /** A verification got no verdict. */
  | { readonly type: 'unanswered'; readonly authorityId: string }
  /** A suspension was opened, changed or ended; when ended by a proof, that began after `mark`. */
  | { readonly type: 'suspension'; readonly suspension: Suspension; readonly mark: Mark | undefined }
  /** Keys that are used here and that proofs should include. */
  | { readonly type: 'interest'; readonly authorityId: string; readonly keyIds: readonly string[] }

/** Keys in one message; the rest is unwrapped anew by whoever uses it. */
export const KEY_IDS_MAX = 128

const id = z.string().min(1).max(256)
const keyIds = z.array(z.string().regex(/^[0-9a-f]{32}$/)).max(KEY_IDS_MAX)
const mark = z.object({ epoch: id, count: z.number().int().nonnegative() })
const text = z.string().max(512)
const suspension = z.object({
  id,
  authorityId: id,
  reason: z.enum(['access-denied', 'key-disabled', 'key-pending-deletion', 'key-not-found', 'operator']),
  scope: text.transform((scope, context) => {
    try {
      return suspensionScope(scope)
    } catch {
      context.addIssue({ code: 'custom', message: 'not a scope' })
      return z.NEVER
    }
  }),
  since: text,
  endedAt: text.optional(),
  keyId: text.optional(),
  region: text.optional(),
  awsError: text.optional(),
  awsRequestId: text.optional(),
  by: text.optional(),
})
const message = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('proof'),
    authorityId: id,
    mark,
    keyIds: z.union([keyIds, z.literal('all')]),
  }),
  z.object({ type: z.literal('denied'), authorityId: id, mark }),
  z.object({ type: z.literal('unanswered'), authorityId: id }),
  z.object({ type: z.literal('suspension'), suspension, mark: mark.optional() }),
  z.object({ type: z.literal('interest'), authorityId: id, keyIds }),
])
const parcel = z.object({ from: id, messages: z.array(z.unknown()).max(1_000) })

/** Messages on the way from one replica. */
export interface Parcel {
  readonly from: string
  readonly messages: readonly FleetMessage[]
}

/** Packs messages into texts of at most `bytesMax` bytes, in order; one that is longer by itself is left out. */
export function packMessages(from: string, messages: readonly FleetMessage[], bytesMax: number): string[] {
  const head = `{"from":${JSON.stringify(from)},"messages":[`
  const parcels: string[] = []
  let body = ''
  for (const one of messages) {
    const json = JSON.stringify(one)
    if (Buffer.byteLength(head) + Buffer.byteLength(json) + 2 > bytesMax) continue
    const longer = body === '' ? json : `${body},${json}`
    if (Buffer.byteLength(head) + Buffer.byteLength(longer) + 2 > bytesMax) {
      parcels.push(`${head}${body}]}`)
      body = json
    } else {
      body = longer
    }
  }
  if (body !== '') parcels.push(`${head}${body}]}`)
  return parcels
}

/** The messages in a text; those this version does not know are left out, as a fleet is upgraded replica by replica. */
export function unpackMessages(packed: string): Parcel | undefined {
  let json: unknown
  try {
    json = JSON.parse(packed)
  } catch {
    return undefined
  }
  const read = parcel.safeParse(json)
  if (!read.success) return undefined
  const messages = read.data.messages.flatMap((one): FleetMessage[] => {
    const known = message.safeParse(one)
    return known.success ? [known.data as FleetMessage] : []
  })
  return { from: read.data.from, messages }
}
