import { createHash, randomBytes } from 'node:crypto'
import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FormEntries, formData, type PostOptions, signedForm } from '../../support/post-form.ts'
import { RawConnection, rawExchange } from '../../support/raw-http.ts'
import { readObject } from '../../support/object-content.ts'
import { ACCESS_KEYS, BUCKET as Bucket, ProxyHarness, REGION, TestLease } from './proxy-harness.ts'

const MEBIBYTE = 1024 * 1024
const FILE = Buffer.from('content of an attachment')
const harness = new ProxyHarness()
let client: S3Client

beforeAll(async () => {
  await harness.start()
  client = harness.client(ACCESS_KEYS.acme)
})

afterAll(() => harness.stop())

/** What a test changes of a form that is right. */
interface Posting {
  readonly entries?: FormEntries
  readonly conditions?: readonly unknown[]
  readonly file?: Buffer
  readonly fileName?: string
  readonly options?: Partial<PostOptions>
  /** Changes the signed fields before they are sent. */
  readonly tamper?: (fields: [string, string][]) => [string, string][]
}

function entriesOf({
  entries = [['key', 'refused/object']],
  conditions,
  options,
  tamper,
}: Posting): FormEntries {
  const fields = signedForm({
    credential: ACCESS_KEYS.acme,
    region: REGION,
    conditions: conditions ?? [{ bucket: Bucket }, ...entries.map(([name, value]) => ({ [name]: value }))],
    ...options,
  })
  return [...entries, ...(tamper?.(fields) ?? fields)]
}

async function post(posting: Posting): Promise<{ status: number; text: string; headers: Headers }> {
  const { file = FILE, fileName } = posting
  const response = await fetch(`${harness.url}/${Bucket}`, {
    method: 'POST',
    body: formData(entriesOf(posting), file, fileName),
    redirect: 'manual',
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

describe('a form that a browser posts', () => {
  it.each([0, 1, 65_536, 300_000, 8 * MEBIBYTE, 8 * MEBIBYTE + 1, 17 * MEBIBYTE])(
    'becomes a sealed object of %i bytes',
    async (bytes) => {
      const file = randomBytes(bytes)
      const key = `posted/${bytes}`
      const answer = await post({ entries: [['key', key]], file })
      expect(answer.status).toBe(204)
      expect((await readObject(client, key)).equals(file)).toBe(true)
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: key }))
      expect(head.ContentLength).toBe(bytes)
      expect(answer.headers.get('etag')).toBe(head.ETag)
      if (bytes > 1) expect(harness.storeHolds(file.subarray(0, 200))).toBe(false)
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
      expect(Uploads).toBeUndefined()
    },
  )

  it('describes its object', async () => {
    const entries: FormEntries = [
      ['key', 'posted/described'],
      ['Content-Type', 'text/x-notes'],
      ['Content-Disposition', 'attachment; filename="n.txt"'],
      ['Cache-Control', 'max-age=60'],
      ['x-amz-meta-owner', 'alice'],
      ['acl', 'private'],
      ['tagging', '<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>c d</Value></Tag></TagSet></Tagging>'],
    ]
    expect((await post({ entries })).status).toBe(204)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'posted/described' }))
    expect(head).toMatchObject({
      ContentType: 'text/x-notes',
      ContentDisposition: 'attachment; filename="n.txt"',
      CacheControl: 'max-age=60',
      Metadata: { owner: 'alice' },
      ServerSideEncryption: 'aws:kms',
    })
    const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'posted/described' }))
    expect(TagSet).toEqual([{ Key: 'a&b', Value: 'c d' }])
  })

  it('takes the name of its file into the key, and conditions that say how a field begins', async () => {
    const answer = await post({
      entries: [
        ['key', 'posted/${filename}'],
        ['Content-Type', 'text/plain'],
        ['x-ignore-submit', 'Send'],
      ],
      conditions: [
        ['StArTs-WiTh', '$KeY', 'posted/'],
        ['starts-with', '$Content-Type', ''],
        ['content-length-range', 0, 1024],
      ],
      fileName: 'C:\\users\\alice\\b "1" $& ä.txt',
    })
    expect(answer.status).toBe(204)
    expect(await readObject(client, 'posted/b "1" $& ä.txt')).toEqual(FILE)
  })

  it.each([
    ['200', 200],
    ['201', 201],
    ['204', 204],
    ['404', 204],
  ])('is answered as its field success_action_status says: %s', async (asked, status) => {
    const answer = await post({
      entries: [
        ['key', 'posted/status'],
        ['success_action_status', asked],
      ],
    })
    expect(answer.status).toBe(status)
    if (status === 201) {
      expect(answer.text).toContain(`<Bucket>${Bucket}</Bucket><Key>posted/status</Key>`)
      expect(answer.text).toContain(`<Location>${harness.url}/${Bucket}/posted/status</Location>`)
    } else {
      expect(answer.text).toBe('')
    }
  })

  it('sends the browser on where it says so', async () => {
    const answer = await post({
      entries: [
        ['key', 'posted/redirected'],
        ['success_action_redirect', 'https://app.example/done?issue=1'],
      ],
    })
    expect(answer.status).toBe(303)
    const to = new URL(answer.headers.get('location')!)
    expect(`${to.origin}${to.pathname}`).toBe('https://app.example/done')
    expect(Object.fromEntries(to.searchParams)).toEqual({
      issue: '1',
      bucket: Bucket,
      key: 'posted/redirected',
      etag: answer.headers.get('etag'),
    })
  })

  it('has its checksum verified and kept', async () => {
    const checksum = createHash('sha256').update(FILE).digest('base64')
    const entries: FormEntries = [
      ['key', 'posted/checksum'],
      ['x-amz-checksum-sha256', checksum],
    ]
    expect((await post({ entries })).status).toBe(204)
    const head = await client.send(
      new HeadObjectCommand({ Bucket, Key: 'posted/checksum', ChecksumMode: 'ENABLED' }),
    )
    expect(head.ChecksumSHA256).toBe(checksum)
  })

  it('is ended by its last boundary, whatever fields stand behind the file', async () => {
    const form = formData(entriesOf({ entries: [['key', 'posted/submit']] }), randomBytes(9 * MEBIBYTE))
    form.append('submit', 'Upload')
    const response = await fetch(`${harness.url}/${Bucket}`, { method: 'POST', body: form })
    expect(response.status).toBe(204)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'posted/submit' }))
    expect(head.ContentLength).toBe(9 * MEBIBYTE)
  })
})

describe('a form that is not right is refused with the code of S3 and leaves nothing', () => {
  afterEach(async () => {
    const { KeyCount } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'refused/' }))
    expect(KeyCount).toBe(0)
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
    expect(Uploads).toBeUndefined()
  })

  const without =
    (name: string) =>
    (fields: [string, string][]): [string, string][] =>
      fields.filter(([each]) => each !== name)
  const changed =
    (name: string, value: string) =>
    (fields: [string, string][]): [string, string][] =>
      fields.map(([each, old]) => [each, each === name ? value : old])
  const KEY: readonly [string, string] = ['key', 'refused/object']
  const withPolicy = (change: PostOptions['change']): Posting => ({ options: { change: change! } })

  const cases: [name: string, posting: Posting, status: number, code: string][] = [
    ['no signature at all', { tamper: () => [] }, 403, 'AccessDenied'],
    ['a policy without signature', { tamper: without('x-amz-signature') }, 400, 'InvalidArgument'],
    ['no credential', { tamper: without('x-amz-credential') }, 400, 'InvalidArgument'],
    [
      'a forged signature',
      { tamper: changed('x-amz-signature', '0'.repeat(64)) },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'a policy other than the signed one',
      { tamper: changed('policy', Buffer.from('{}').toString('base64')) },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'an unknown access key',
      { options: { credential: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' } } },
      403,
      'InvalidAccessKeyId',
    ],
    ['another region', { options: { region: 'eu-west-9' } }, 400, 'AuthorizationQueryParametersError'],
    ['Signature Version 2', { tamper: () => [['AWSAccessKeyId', 'AKIAACME']] }, 400, 'InvalidRequest'],
    ['a policy that expired', { options: { expiresAt: new Date(Date.now() - 1000) } }, 403, 'AccessDenied'],
    ['no expiration', withPolicy(({ conditions }) => ({ conditions })), 400, 'InvalidPolicyDocument'],
    [
      'an expiration that is no time',
      withPolicy((policy) => ({ ...policy, expiration: 'tomorrow' })),
      400,
      'InvalidPolicyDocument',
    ],
    ['no conditions', withPolicy(({ expiration }) => ({ expiration })), 400, 'InvalidPolicyDocument'],
    ['no condition', withPolicy((policy) => ({ ...policy, conditions: [] })), 400, 'InvalidPolicyDocument'],
    ['an unknown condition', { conditions: [['ends-with', '$key', 'object']] }, 400, 'InvalidPolicyDocument'],
    [
      'a range of lengths that is none',
      { conditions: [['content-length-range', 0]] },
      400,
      'InvalidPolicyDocument',
    ],
    ['a field without condition', { conditions: [{ bucket: Bucket }] }, 403, 'AccessDenied'],
    ['a field other than its condition', { conditions: [{ key: 'refused/other' }] }, 403, 'AccessDenied'],
    [
      'a condition without its field',
      { conditions: [{ key: KEY[1] }, { acl: 'private' }] },
      403,
      'AccessDenied',
    ],
    ['another bucket', { conditions: [{ key: KEY[1] }, { bucket: 'elsewhere' }] }, 403, 'AccessDenied'],
    ['no key', { entries: [] }, 400, 'InvalidArgument'],
    ['a key that is too long', { entries: [['key', 'x'.repeat(1025)]] }, 400, 'KeyTooLongError'],
    [
      'a file that is too long',
      { conditions: [{ key: KEY[1] }, ['content-length-range', 0, FILE.length - 1]] },
      400,
      'EntityTooLarge',
    ],
    [
      'a file that is too short',
      { conditions: [{ key: KEY[1] }, ['content-length-range', FILE.length + 1, 1000]] },
      400,
      'EntityTooSmall',
    ],
    [
      'a long file that is too long',
      {
        conditions: [{ key: KEY[1] }, ['content-length-range', 0, 9 * MEBIBYTE]],
        file: Buffer.alloc(10 * MEBIBYTE),
      },
      400,
      'EntityTooLarge',
    ],
    [
      'a long file of another checksum',
      { entries: [KEY, ['x-amz-checksum-crc32', 'AAAAAA==']], file: Buffer.alloc(10 * MEBIBYTE, 1) },
      400,
      'BadDigest',
    ],
    [
      'a checksum of another file',
      { entries: [KEY, ['x-amz-checksum-crc32', 'AAAAAA==']] },
      400,
      'BadDigest',
    ],
    [
      'a key of the client',
      { entries: [KEY, ['x-amz-server-side-encryption-customer-algorithm', 'AES256']] },
      501,
      'NotImplemented',
    ],
    [
      'a line end in a header',
      { entries: [KEY, ['Content-Type', 'a\r\nx-amz-acl: public-read']] },
      400,
      'InvalidArgument',
    ],
    ['a field twice', { entries: [KEY, KEY], conditions: [{ key: KEY[1] }] }, 400, 'InvalidArgument'],
    [
      'too much in front of the file',
      { entries: [KEY, ['x-amz-meta-much', 'x'.repeat(21_000)]] },
      400,
      'MaxPostPreDataLengthExceededError',
    ],
  ]
  it.each(cases)('%s', async (_name, posting, status, code) => {
    const answer = await post(posting)
    expect(answer.text).toContain(`<Code>${code}</Code>`)
    expect(answer.status).toBe(status)
  })

  it('no file', async () => {
    const form = new FormData()
    for (const [name, value] of entriesOf({})) form.append(name, value)
    const answer = await fetch(`${harness.url}/${Bucket}`, { method: 'POST', body: form })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('exactly one file upload per request')
  })

  it.each([
    ['without boundary', 'multipart/form-data', '--b--\r\n'],
    ['of nothing', 'multipart/form-data; boundary=b', ''],
    [
      'that is cut',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx',
    ],
    ['whose part has no name', 'multipart/form-data; boundary=b', '--b\r\n\r\nx\r\n--b--\r\n'],
  ])('a body %s', async (_name, type, body) => {
    const answer = await fetch(`${harness.url}/${Bucket}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('<Code>MalformedPOSTRequest</Code>')
  })

  it.each([FILE.length, 9 * MEBIBYTE])('a file of %i bytes that no boundary ends', async (bytes) => {
    const parts = entriesOf({}).map(
      ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const file = `--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n${'x'.repeat(bytes)}`
    for (const end of ['', '\r\n--b', '\r\n--b\r\nmore']) {
      const body = parts.join('') + file + end
      const answer = await rawExchange(
        harness.url,
        `POST /${Bucket} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).toContain('<Code>MalformedPOSTRequest</Code>')
    }
  })

  it('what is no form', async () => {
    const answer = await fetch(`${harness.url}/${Bucket}`, { method: 'POST', body: 'x' })
    expect(await answer.text()).toContain('<Code>AccessDenied</Code>')
  })
})

describe('a form under way', () => {
  /** Sends 17 of 20 MiB of a file, and resolves once the store has the first part. */
  async function begin(key: string): Promise<RawConnection> {
    const entries: FormEntries = [['key', key]]
    const head = entriesOf({ entries })
      .map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('')
    const body = `${head}--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`
    const connection = new RawConnection(harness.url)
    const length = body.length + 20 * MEBIBYTE
    connection.send(
      `POST /${Bucket} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n${body}`,
    )
    connection.send('x'.repeat(17 * MEBIBYTE))
    const isPart = (line: string): boolean => line.includes(key) && line.includes('partNumber=2')
    await expect.poll(() => harness.upstream.requests.some(isPart), { timeout: 20_000 }).toBe(true)
    return connection
  }

  async function expectNothingOf(key: string): Promise<void> {
    await expect
      .poll(async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads)
      .toBeUndefined()
    await expect(readObject(client, key)).rejects.toMatchObject({ name: 'NoSuchKey' })
  }

  it('leaves nothing when its client leaves', async () => {
    const connection = await begin('refused/left')
    connection.close()
    await expectNothingOf('refused/left')
  })

  it('is refused when the tenant is suspended, and leaves nothing', async () => {
    const connection = await begin('refused/suspended')
    harness.lease.end()
    expect(await connection.until('</Error>')).toContain('<Code>TenantSuspended</Code>')
    connection.close()
    harness.lease = new TestLease()
    await expectNothingOf('refused/suspended')
  })
})

describe('suspension', () => {
  it('refuses a form, of which nothing remains', async () => {
    harness.lease.valid = false
    const answer = await post({})
    harness.lease.valid = true
    expect(answer.status).toBe(423)
    expect(answer.text).toContain('<Code>TenantSuspended</Code>')
    await expect(readObject(client, 'refused/object')).rejects.toMatchObject({ name: 'NoSuchKey' })
  })
})
