import type { IncomingMessage } from 'node:http'
import { AwsError } from './aws-error.ts'
import type { Service } from './call.ts'
import { Form } from './query/form.ts'

/** Which operation of which service a request asks for. */
export type WireRequest =
  | { readonly service: 'kms'; readonly operation: string; readonly members: Record<string, unknown> }
  | { readonly service: 'sts' | 'iam'; readonly operation: string; readonly form: Form }

const VERSIONS: Readonly<Record<string, 'sts' | 'iam'>> = { '2011-06-15': 'sts', '2010-05-08': 'iam' }

/** Reads a body of at most `bytesMax`; undefined when it is longer. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The service a request is for, as far as it can be told before its signature is read. */
export function serviceOf(request: IncomingMessage): Service {
  if (typeof request.headers['x-amz-target'] === 'string') return 'kms'
  const scope = /Credential=[^/,]+\/\d+\/[^/,]+\/([a-z]+)\//.exec(request.headers.authorization ?? '')
  return scope?.[1] === 'iam' ? 'iam' : scope?.[1] === 'kms' ? 'kms' : 'sts'
}

/** Parses the operation and its input. Throws AWS's errors for an unknown operation or a malformed body. */
export function parseRequest(request: IncomingMessage, body: Buffer): WireRequest {
  const target = request.headers['x-amz-target']
  if (typeof target === 'string' || serviceOf(request) === 'kms') return parseJson(target, body)
  const mark = request.url?.indexOf('?') ?? -1
  const query =
    request.method === 'GET' && mark >= 0 ? (request.url ?? '').slice(mark + 1) : body.toString('utf8')
  const form = new Form(query)
  const operation = form.text('Action', { max: 128 })
  const version = form.text('Version', { max: 32 })
  if (operation === undefined) throw new AwsError('MissingAction', 'Missing Action')
  const service = version === undefined ? undefined : VERSIONS[version]
  if (!service) {
    throw new AwsError(
      'InvalidAction',
      `Could not find operation ${operation} for version ${version ?? 'NO_VERSION_SPECIFIED'}`,
    )
  }
  return { service, operation, form }
}

function parseJson(target: string | string[] | undefined, body: Buffer): WireRequest {
  const match = /^TrentService\.([A-Za-z]{1,64})$/.exec(typeof target === 'string' ? target : '')
  if (!match) throw new AwsError('UnknownOperationException')
  let members: unknown
  try {
    members = body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  } catch {
    throw new AwsError('SerializationException')
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) {
    throw new AwsError('SerializationException')
  }
  return { service: 'kms', operation: match[1] ?? '', members: members as Record<string, unknown> }
}
