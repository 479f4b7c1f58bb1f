import { createHmac } from 'node:crypto'
import type { S3Credential } from '../../src/protocol/s3/signing-key.ts'

/** Fields of a form with which a browser posts a file to a bucket. */
export type FormEntries = readonly (readonly [name: string, value: string])[]

/** What the signer of a form decides. */
export interface PostOptions {
  readonly credential: S3Credential
  readonly region: string
  /** Conditions beside those of the fields of the signature. */
  readonly conditions: readonly unknown[]
  readonly expiresAt?: Date
  /** Changes the policy before it is signed. */
  readonly change?: (policy: Record<string, unknown>) => unknown
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** Signs a policy by Signature Version 4, step by step as the S3 API reference has it; returns the fields that carry it. */
export function signedForm(options: PostOptions): [string, string][] {
  const { credential, region, conditions, expiresAt = new Date(Date.now() + 60_000), change } = options
  const timestamp = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const date = timestamp.slice(0, 8)
  const fields: [string, string][] = [
    ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
    ['x-amz-credential', `${credential.accessKeyId}/${date}/${region}/s3/aws4_request`],
    ['x-amz-date', timestamp],
  ]
  const policy = {
    expiration: expiresAt.toISOString(),
    conditions: [...conditions, ...fields.map(([name, value]) => ({ [name]: value }))],
  }
  const encoded = Buffer.from(JSON.stringify(change?.(policy) ?? policy)).toString('base64')
  const dateKey = hmac(`AWS4${credential.secretAccessKey}`, date)
  const key = hmac(hmac(hmac(dateKey, region), 's3'), 'aws4_request')
  return [...fields, ['policy', encoded], ['x-amz-signature', hmac(key, encoded).toString('hex')]]
}

/** A form as browsers send it; the file is the last field. */
export function formData(entries: FormEntries, file: Uint8Array, fileName = 'file.txt'): FormData {
  const form = new FormData()
  for (const [name, value] of entries) form.append(name, value)
  form.append('file', new Blob([Uint8Array.from(file)]), fileName)
  return form
}
