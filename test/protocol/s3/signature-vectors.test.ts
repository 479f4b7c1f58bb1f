import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { canonicalRequest, stringToSign } from '../../../src/protocol/s3/canonical-request.ts'
import { readSignatureClaim } from '../../../src/protocol/s3/signature-claim.ts'
import { scopeText, signingKey, signText } from '../../../src/protocol/s3/signing-key.ts'
import { canonicalPath, parseQuery } from '../../../src/protocol/s3/uri-encoding.ts'

const FILE = new URL('../../../../shared/data/sigv4/cases.json', import.meta.url)
const FORMS = ['header', 'query'] as const

interface Context {
  readonly credentials: { readonly access_key_id: string; readonly secret_access_key: string }
  readonly normalize: boolean
  readonly omit_session_token?: boolean
}

/** A request file as node:http would show it: every byte one character. */
function parseRequest(file: string): { method: string; target: string; headers: string[]; body: string } {
  const text = Buffer.from(file).toString('latin1')
  const [head = '', body = ''] = text.split(/\n\n([^]*)/)
  const [first = '', ...lines] = head.split('\n')
  const method = first.slice(0, first.indexOf(' '))
  const target = first.slice(first.indexOf(' ') + 1, first.lastIndexOf(' HTTP/'))
  const headers: string[] = []
  for (const line of lines) {
    if (line === '') continue
    if (line.startsWith(' ')) headers[headers.length - 1] += `\n${line}`
    else headers.push(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1))
  }
  return { method, target, headers, body }
}

/** What services other than S3 do to a path before they sign it. */
function normalizePath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const trailing = /\/(\.{1,2})?$/.test(path) && kept.length > 0 ? '/' : ''
  return `/${kept.join('/')}${trailing}`
}

describe.skipIf(!existsSync(FILE))('Signature Version 4 cases (skipped where ../shared is absent)', () => {
  const cases = (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}) as Record<
    string,
    Record<string, string>
  >

  it('has all 38 cases', () => {
    expect(Object.keys(cases)).toHaveLength(38)
  })

  for (const [name, files] of Object.entries(cases)) {
    for (const form of FORMS) {
      it(`${name}, ${form} form`, () => {
        const context = JSON.parse(files['context.json']!) as Context
        const request = parseRequest(files[`${form}-signed-request.txt`]!)
        const question = request.target.indexOf('?')
        const path = question === -1 ? request.target : request.target.slice(0, question)
        const query = parseQuery(question === -1 ? '' : request.target.slice(question + 1))
        const claim = readSignatureClaim(request.headers, query)
        const covered = query.filter(
          (parameter) =>
            parameter.name !== 'X-Amz-Signature' &&
            !(parameter.name === 'X-Amz-Security-Token' && context.omit_session_token === true),
        )
        const canonical = canonicalRequest({
          method: request.method,
          path: canonicalPath(context.normalize ? normalizePath(path) : path),
          query: covered,
          headers: request.headers,
          signedHeaders: claim.signedHeaders,
          payloadHash: files[`${form}-canonical-request.txt`]!.split('\n').at(-1)!,
        })
        expect(canonical).toBe(files[`${form}-canonical-request.txt`])
        const text = stringToSign(claim.timestamp, scopeText(claim.scope), canonical)
        expect(text).toBe(files[`${form}-string-to-sign.txt`])
        const key = signingKey(
          {
            accessKeyId: context.credentials.access_key_id,
            secretAccessKey: context.credentials.secret_access_key,
          },
          claim.scope,
        )
        expect(signText(key, text)).toBe(files[`${form}-signature.txt`])
        expect(claim.signature).toBe(files[`${form}-signature.txt`])
      })
    }
  }
})
