import type { PortcullisError } from '../../errors.ts'
import type { ErrorFace } from '../../listener/problem.ts'
import { errorHeaders } from '../../listener/problem.ts'
import { S3Error, s3CodeOf } from './errors.ts'
import { escapeXml, XML_DECLARATION } from './xml-writer.ts'

/** Where an S3 error happened, as its document names it. */
export interface S3ErrorPlace {
  readonly requestId: string
  /** Path of the resource as the client sent it. */
  readonly resource?: string
}

/** The S3 error document for any refusal; members such as `reason` and `suspensionId` become elements. */
export function s3ErrorDocument(error: PortcullisError, place: S3ErrorPlace): string {
  let fields = element('Code', s3CodeOf(error)) + element('Message', error.message)
  if (error instanceof S3Error) {
    for (const [name, value] of Object.entries(error.fields)) fields += element(name, value)
  } else if (!(error.code === 'tenant-suspended')) {
    fields += element('Reason', error.code)
  }
  for (const [name, value] of Object.entries(error.members)) fields += element(elementName(name), value)
  if (place.resource !== undefined) fields += element('Resource', place.resource)
  return `${XML_DECLARATION}<Error>${fields}${element('RequestId', place.requestId)}</Error>`
}

/** S3's face of an error: `application/xml`, the status of the code, and the headers every error carries. */
export const s3Face: ErrorFace = (error, place) => {
  const body = Buffer.from(s3ErrorDocument(error, { requestId: place.requestId }))
  const headers = [
    ...errorHeaders(error),
    'Content-Type',
    'application/xml',
    'Content-Length',
    String(body.length),
    'x-amz-request-id',
    place.requestId,
  ]
  return { status: error.status, headers, body }
}

function element(name: string, value: string): string {
  return `<${name}>${escapeXml(value)}</${name}>`
}

function elementName(member: string): string {
  return member.charAt(0).toUpperCase() + member.slice(1)
}
