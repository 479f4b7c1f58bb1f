import type { Exchange } from '../../../listener/exchange.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { headerValue } from '../../../wire/raw-headers.ts'
import { CONTENT_HEADERS } from '../content-headers.ts'
import { S3Error } from '../errors.ts'
import { boundaryOf, FormReader } from '../form-reader.ts'
import type { PostPolicy } from '../post-policy.ts'
import { parsePostPolicy } from '../post-policy.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { PulledBody } from './pulled-body.ts'

/** A form that uploads a file, read up to the file's first byte. */
export interface PostedForm {
  /** Text by lower-case name, with the name of the file in the place of `${filename}`. */
  readonly values: ReadonlyMap<string, string>
  readonly reader: FormReader
}

/** Fields that are headers of the object, beside those that begin with `x-amz-`. */
const OF_OBJECT = new Set(CONTENT_HEADERS)
const OF_SIGNATURE = /^x-amz-(algorithm|credential|date|signature)$/
const FILE_NAME = '${filename}'

/** True for a request that carries its signature in a form. */
export function isForm({ method, head, query, request }: Exchange): boolean {
  return (
    method === 'POST' &&
    query === '' &&
    /^multipart\/form-data\b/i.test(head.contentType ?? '') &&
    headerValue(request.rawHeaders, 'authorization') === undefined
  )
}

/** Reads the fields of a form. Throws as S3 does for what is malformed. */
export async function receiveForm(exchange: Exchange): Promise<PostedForm> {
  const boundary = boundaryOf(exchange.head.contentType ?? '')
  if (exchange.head.contentLength === undefined) throw new S3Error('MissingContentLength')
  const reader = new FormReader(new PulledBody(exchange), boundary)
  const { values, fileName } = await reader.readFields()
  const filled = [...values].map(
    ([name, value]) => [name, value.replaceAll(FILE_NAME, () => fileName)] as const,
  )
  return { values: new Map(filled), reader }
}

/** The policy of a form whose signature claim was read. */
export function policyOf({ values }: PostedForm): PostPolicy {
  return parsePostPolicy(values.get('policy')!)
}

/** What a form says about its object, as the headers that a PUT would say it with. */
export function headersOf({ values }: PostedForm): RawHeaders {
  const headers: RawHeaders = []
  for (const [name, value] of values) {
    if (name === 'acl') headers.push('x-amz-acl', headerText(name, value))
    else if (name === 'tagging') headers.push('x-amz-tagging', taggingText(value))
    else if (OF_OBJECT.has(name) || (name.startsWith('x-amz-') && !OF_SIGNATURE.test(name))) {
      headers.push(name, headerText(name, value))
    }
  }
  return headers
}

// UTF-8 goes into a header byte by byte, as in a header that came over the wire.
function headerText(name: string, value: string): string {
  // oxlint-disable-next-line no-control-regex -- these would end the header
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw new S3Error('InvalidArgument', `The field ${name} has characters that a header cannot have.`)
  }
  return Buffer.from(value).toString('latin1')
}

function taggingText(document: string): string {
  const tags = parseXml(Buffer.from(document)).children.flatMap((set) => set.children)
  const pairs = tags.map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''])
  return new URLSearchParams(pairs).toString()
}
