import { createGunzip } from 'node:zlib'
import { Readable } from 'node:stream'

/** CloudTrail log files are far smaller; several joined together may come near. */
const BYTES_MAX_DEFAULT = 256 * 1024 * 1024
const GZIP_MAGIC = [0x1f, 0x8b]

/** A CloudTrail record, as far as reconciliation reads it (CloudTrail user guide: record contents). */
export interface CloudTrailRecord {
  readonly eventID?: string
  readonly requestID?: string
  /** RFC 3339, UTC, whole seconds. */
  readonly eventTime: string
  readonly eventSource: string
  readonly eventName: string
  readonly awsRegion?: string
  readonly errorCode?: string
  readonly userIdentity?: {
    readonly arn?: string
    readonly sessionContext?: { readonly sessionIssuer?: { readonly arn?: string } }
  }
  readonly requestParameters?: {
    readonly encryptionContext?: Readonly<Record<string, string>>
    readonly keyId?: string
    readonly roleArn?: string
  } | null
  readonly resources?: readonly { readonly ARN?: string }[]
}

/** The input is not CloudTrail's. */
export class CloudTrailMalformed extends Error {
  constructor(detail: string) {
    super(detail)
    this.name = 'CloudTrailMalformed'
  }
}

/**
 * Reads CloudTrail records: a delivered log file `{"Records":[…]}`, an array, the output of `lookup-events`, or
 * one record a line; each plain or gzipped. Rejects with {@link CloudTrailMalformed}, also beyond `bytesMax`.
 */
export async function readCloudTrail(
  source: AsyncIterable<Uint8Array>,
  bytesMax = BYTES_MAX_DEFAULT,
): Promise<CloudTrailRecord[]> {
  const raw = await collect(source, bytesMax)
  const zipped = raw[0] === GZIP_MAGIC[0] && raw[1] === GZIP_MAGIC[1]
  // a gunzip stream reads the members of files that were joined together
  const data = zipped ? await collect(Readable.from([raw]).pipe(createGunzip()), bytesMax) : raw
  const text = data.toString('utf8').replace(/^\uFEFF/, '')
  const whole = parse(text)
  if (whole !== undefined) return recordsIn(whole)
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const value = parse(line)
    if (value === undefined) throw new CloudTrailMalformed(`line ${index + 1} is not JSON`)
    return recordsIn(value)
  })
}

async function collect(source: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > bytesMax) throw new CloudTrailMalformed(`more than ${bytesMax} bytes`)
      chunks.push(chunk)
    }
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? ''
    if (code.startsWith('Z_')) throw new CloudTrailMalformed('the gzip data is damaged')
    throw thrown
  }
  return Buffer.concat(chunks)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function recordsIn(value: unknown): CloudTrailRecord[] {
  if (Array.isArray(value)) return value.flatMap(recordsIn)
  if (typeof value !== 'object' || value === null) throw new CloudTrailMalformed('not a CloudTrail record')
  const members = value as Record<string, unknown>
  if (Array.isArray(members['Records'])) return members['Records'].flatMap(recordsIn)
  if (Array.isArray(members['Events'])) return members['Events'].flatMap(recordsIn)
  if (typeof members['CloudTrailEvent'] === 'string') return recordsIn(parse(members['CloudTrailEvent']))
  const required = ['eventTime', 'eventSource', 'eventName']
  if (required.some((name) => typeof members[name] !== 'string')) {
    throw new CloudTrailMalformed(`a record lacks one of ${required.join(', ')}`)
  }
  return [members as unknown as CloudTrailRecord]
}
