import { existsSync, readFileSync } from 'node:fs'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import {
  canonicalRequest,
  parseAuthorization,
  signatureMatches,
  stringToSign,
  type SignedRequest,
} from '../../../src/local/aws/signature.ts'
import { failure, kmsClient, stsClient, type Credentials } from './clients.ts'
import { sendSigned } from './wire.ts'

let local: LocalAws
let admin: Credentials

beforeAll(async () => {
  local = await startLocalAws()
  admin = await local.createAccount('111122223333')
})

afterAll(() => local.stop())

const TARGET = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.ListKeys' }

async function send(
  change: Partial<Parameters<typeof sendSigned>[0]> = {},
): Promise<{ status: number; name: string; message: string }> {
  const response = await sendSigned({
    endpoint: local.endpoint,
    service: 'kms',
    region: 'eu-central-1',
    credentials: admin,
    headers: TARGET,
    body: '{}',
    ...change,
  })
  const body = (await response.json()) as { __type?: string; message?: string }
  return { status: response.status, name: body.__type ?? 'ok', message: body.message ?? '' }
}

describe('a signature', () => {
  test('of the right secret is accepted in every region at one address', async () => {
    for (const region of ['eu-central-1', 'eu-west-1', 'us-east-1', 'ap-northeast-2']) {
      expect((await send({ region })).name).toBe('ok')
    }
  })

  test('of a wrong secret is refused with the error each service gives', async () => {
    const wrong = { ...admin, secretAccessKey: 'x'.repeat(40) }
    expect(await failure(kmsClient(local, wrong).send(new ListKeysCommand({})))).toMatchObject({
      name: 'InvalidSignatureException',
      status: 400,
      message: expect.stringMatching(/^The request signature we calculated does not match the signature/),
    })
    expect(await failure(stsClient(local, wrong).send(new GetCallerIdentityCommand({})))).toMatchObject({
      name: 'SignatureDoesNotMatch',
      status: 403,
    })
  })

  test('of an unknown access key is refused', async () => {
    const unknown = { ...admin, accessKeyId: 'AKIAUNKNOWNUNKNOWN00' }
    expect(await failure(kmsClient(local, unknown).send(new ListKeysCommand({})))).toMatchObject({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    })
    expect(await failure(stsClient(local, unknown).send(new GetCallerIdentityCommand({})))).toMatchObject({
      name: 'InvalidClientTokenId',
      status: 403,
    })
  })

  test('more than five minutes off is refused, less is not', async () => {
    const at = (minutes: number): Date => new Date(Date.now() + minutes * 60_000)
    expect((await send({ signingDate: at(-4.5) })).name).toBe('ok')
    expect((await send({ signingDate: at(4.5) })).name).toBe('ok')
    const old = await send({ signingDate: at(-6) })
    expect(old.name).toBe('InvalidSignatureException')
    expect(old.message).toMatch(/^Signature expired: \d{8}T\d{6}Z is now earlier than .* - 5 min\.\)$/)
    const early = await send({ signingDate: at(6) })
    expect(early.message).toMatch(/^Signature not yet current: /)
  })

  test('scoped to another service is refused', async () => {
    expect(await send({ service: 'sts' })).toMatchObject({
      name: 'InvalidSignatureException',
      message: "Credential should be scoped to correct service: 'kms'.",
    })
  })

  test('that is missing or malformed is refused', async () => {
    const bare = await fetch(local.endpoint, { method: 'POST', headers: TARGET, body: '{}' })
    expect(await bare.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' })
    for (const authorization of [
      'Bearer x',
      'AWS4-HMAC-SHA256 x',
      'AWS4-HMAC-SHA256 Credential=a/b, Signature=c, SignedHeaders=d',
    ]) {
      const response = await fetch(local.endpoint, {
        method: 'POST',
        headers: { ...TARGET, authorization },
        body: '{}',
      })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ __type: 'IncompleteSignatureException' })
    }
  })

  test('over another body, or without a header AWS wants signed, does not match', async () => {
    const original = globalThis.fetch
    const tampered = (change: (init: RequestInit) => RequestInit) => {
      globalThis.fetch = (input, init) => original(input, change(init ?? {}))
    }
    try {
      tampered((init) => ({ ...init, body: '{"Limit":1}' }))
      expect((await send()).name).toBe('InvalidSignatureException')
      tampered((init) => ({
        ...init,
        headers: { ...(init.headers as object), 'x-amz-security-token': 'added' },
      }))
      expect((await send()).name).toBe('UnrecognizedClientException')
      tampered((init) => ({
        ...init,
        headers: { ...(init.headers as object), 'x-amz-target': 'TrentService.DescribeKey' },
      }))
      expect((await send()).name).toBe('InvalidSignatureException')
    } finally {
      globalThis.fetch = original
    }
  })
})

const VECTORS = new URL('../../../../shared/data/sigv4/cases.json', import.meta.url)

describe.skipIf(!existsSync(VECTORS))(
  'the published signature cases (skipped where ../shared is absent)',
  () => {
    const cases = existsSync(VECTORS)
      ? (JSON.parse(readFileSync(VECTORS, 'utf8')) as Record<string, Record<string, string>>)
      : {}
    for (const [name, files] of Object.entries(cases)) {
      const context = JSON.parse(files['context.json'] ?? '{}') as {
        credentials: { secret_access_key: string }
        normalize: boolean
      }
      const signed = files['header-signed-request.txt']
      // paths are always normalised here, as every service but S3 does
      test.skipIf(signed === undefined || !context.normalize)(name, () => {
        const request = parseHttp(signed ?? '')
        const authorization = parseAuthorization(header(request, 'authorization'))
        if (typeof authorization === 'string') throw new Error(authorization)
        const canonical = canonicalRequest(request, authorization.signedHeaders)
        expect(canonical).toBe(files['header-canonical-request.txt'])
        const date = header(request, 'x-amz-date')
        expect(stringToSign(authorization, date, canonical)).toBe(files['header-string-to-sign.txt'])
        const secret = context.credentials.secret_access_key
        expect(signatureMatches(authorization, request, date, secret)).toBe(true)
        expect(signatureMatches(authorization, request, date, `${secret}x`)).toBe(false)
      })
    }
  },
)

function parseHttp(text: string): SignedRequest {
  const end = text.indexOf('\n\n')
  // folded header lines are one value
  const lines = text
    .slice(0, end)
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')
  const start = lines[0] ?? ''
  const rawHeaders = lines.slice(1).flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1)]
  })
  const target = start.slice(start.indexOf(' ') + 1, start.lastIndexOf(' '))
  return { method: start.split(' ')[0] ?? '', target, rawHeaders, body: Buffer.from(text.slice(end + 2)) }
}

function header(request: SignedRequest, name: string): string {
  const index = request.rawHeaders.findIndex((value, at) => at % 2 === 0 && value.toLowerCase() === name)
  return request.rawHeaders[index + 1] ?? ''
}
