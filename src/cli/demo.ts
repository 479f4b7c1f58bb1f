import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DisableKeyCommand, EnableKeyCommand, KMSClient, RotateKeyOnDemandCommand } from '@aws-sdk/client-kms'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type DevStack, startDevStack } from './dev.ts'
import { EXIT, type ExitCode, type Terminal } from './terminal.ts'

/** Real-shaped documents; the words in capitals must never be found at rest. */
const ISSUE = `{
  "id": "10042",
  "key": "SHOP-42",
  "fields": {
    "summary": "Checkout fails for ORDER-SECRET-ALPHA",
    "issuetype": {"id": "10002", "name": "Bug"},
    "project": {"id": "10000", "key": "SHOP"},
    "status": {"id": "3", "name": "In Progress"},
    "description": {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "The SUPPLIER-SECRET-BETA is missing."}]}]},
    "customfield_10016": 12345678901234567890,
    "created": "2026-11-20T09:15:02.000+0000"
  }
}`
const COMMENT = `{"id":"501","author":{"accountId":"5b10a2844c20165700ede21g"},"body":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"Reproduced, see LEDGER-SECRET-GAMMA."}]}]},"created":"2026-11-20T09:20:11.000+0000"}`
const PAGE = `{"id":"77","status":"current","title":"Runbook PAGE-SECRET-DELTA","spaceId":"12","body":{"storage":{"representation":"storage","value":"<p>Call \\u002b49 and ask for KEEPER-SECRET-EPSILON.</p>"}},"version":{"number":1}}`
const SECRETS = /[A-Z]+-SECRET-[A-Z]+/

const DOCUMENTS = [
  { name: 'issue', path: '/jira/issue/10042', body: ISSUE },
  { name: 'comment', path: '/jira/comment/501', body: COMMENT },
  { name: 'page', path: '/confluence/page/77', body: PAGE },
]

const ATTACHMENT = {
  key: 'SHOP-42/ledger.csv',
  body: 'account;owner;balance\n4711;ATTACHMENT-SECRET-ZETA;12.50\n'.repeat(20_000),
}

const CUT_OFF_MS_MAX = 5_000
const RESTORE_MS_MAX = 30_000

/** `portcullis demo`: a narrated tour on the embedded defaults; fails if any step does not hold. */
export async function runDemo(terminal: Terminal): Promise<ExitCode> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-demo-'))
  const stack = await startDevStack({
    port: 0,
    adminPort: 0,
    dataDir: join(directory, 'data'),
    reset: false,
    logLevel: 'fatal',
  })
  try {
    await new Tour(stack, terminal).run()
    terminal.print('\nEvery step held.\n')
    return EXIT.ok
  } catch (thrown) {
    terminal.printError(
      `\nA step did not hold: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    )
    return EXIT.failed
  } finally {
    await stack.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

class Tour {
  readonly #stack: DevStack
  readonly #terminal: Terminal
  readonly #customer: KMSClient
  readonly #attachments: S3Client
  readonly #attachmentStore: S3Client
  #step = 0

  constructor(stack: DevStack, terminal: Terminal) {
    this.#stack = stack
    this.#terminal = terminal
    const { accessKeyId, secretAccessKey, keys } = stack.environment.world.customer
    this.#customer = new KMSClient({
      region: keys[0]!.region,
      endpoint: stack.environment.aws.endpoint,
      credentials: { accessKeyId, secretAccessKey },
    })
    const { objects } = stack.environment
    const s3 = (endpoint: string, credentials: typeof objects.accessKey) =>
      new S3Client({ endpoint, credentials, region: objects.region, forcePathStyle: true, maxAttempts: 1 })
    this.#attachments = s3(stack.gateway.objectStoreUrls.get('attachments')!, objects.accessKey)
    this.#attachmentStore = s3(objects.upstream.endpoint, objects.upstream)
  }

  async run(): Promise<void> {
    await this.#write()
    await this.#lookAtRest()
    await this.#readBack('Read them back through the gateway')
    await this.#revoke()
    await this.#restore()
    await this.#rotate()
  }

  async #write(): Promise<void> {
    this.#say('Write an issue, a comment, a page and an attachment through the gateway')
    for (const { name, path, body } of DOCUMENTS) {
      const response = await this.#request(path, {
        method: 'PUT',
        body,
        headers: { 'Content-Type': 'application/json' },
      })
      expect(response.ok, `writing the ${name} answered ${response.status}`)
      this.#detail(`PUT ${path} -> ${response.status}`)
    }
    await this.#attachments.send(
      new PutObjectCommand({ ...this.#attachment(), Body: ATTACHMENT.body, ContentType: 'text/csv' }),
    )
    this.#detail(`S3 PutObject ${ATTACHMENT.key}, ${ATTACHMENT.body.length} bytes`)
  }

  async #lookAtRest(): Promise<void> {
    this.#say('Look at what the stores hold: covered content is ciphertext, routing data stays readable')
    for (const { name, path } of DOCUMENTS) {
      const stored = await (await fetch(this.#upstream(path))).text()
      expect(!SECRETS.test(stored), `the stored ${name} holds plaintext`)
      expect(stored.includes('~pc1~'), `the stored ${name} holds no envelope`)
      this.#detail(`${name}: ${stored.replaceAll(/\s+/g, ' ').slice(0, 110)}…`)
    }
    const { Body } = await this.#attachmentStore.send(new GetObjectCommand(this.#attachment()))
    const stored = Buffer.from(await Body!.transformToByteArray())
    expect(!SECRETS.test(stored.toString('latin1')), 'the stored attachment holds plaintext')
    this.#detail(`attachment: ${stored.length} bytes, ${stored.toString('hex', 0, 24)}…`)
  }

  async #readBack(title: string): Promise<void> {
    this.#say(title)
    for (const { name, path, body } of DOCUMENTS) {
      const response = await this.#request(path)
      expect(response.status === 200, `reading the ${name} answered ${response.status}`)
      expect((await response.text()) === body, `the ${name} came back changed`)
      this.#detail(`GET ${path} -> 200, ${Buffer.byteLength(body)} bytes, identical`)
    }
    const { Body } = await this.#attachments.send(new GetObjectCommand(this.#attachment()))
    expect((await Body!.transformToString()) === ATTACHMENT.body, 'the attachment came back changed')
    this.#detail(`S3 GetObject ${ATTACHMENT.key}, ${ATTACHMENT.body.length} bytes, identical`)
  }

  async #revoke(): Promise<void> {
    this.#say('The customer disables the key in their own AWS account')
    const { KeyId } = this.#rootKey()
    await this.#customer.send(new DisableKeyCommand({ KeyId }))
    const started = performance.now()
    const refused = await this.#until((response) => response.status !== 200, CUT_OFF_MS_MAX)
    const cutOffMs = performance.now() - started
    expect(refused.status === 423, `after the revocation the gateway answered ${refused.status}`)
    this.#detail(
      `423 Locked after ${cutOffMs.toFixed(0)} ms, told by the customer's EventBridge (promised without it: ${CUT_OFF_MS_MAX} ms)`,
    )
    for (const header of [
      'Suspension-Reason',
      'Suspension-Since',
      'Suspension-Scope',
      'Suspension-Id',
      'Retry-After',
    ]) {
      const value = refused.headers.get(header)
      expect(value !== null, `the refusal has no ${header}`)
      this.#detail(`${header}: ${value}`)
    }
    for (const { path } of DOCUMENTS) {
      const response = await this.#request(path)
      expect(response.status === 423, `${path} answered ${response.status} during the suspension`)
    }
    this.#detail('every app of the organization answers 423')
    const attachment = await this.#attachments.send(new GetObjectCommand(this.#attachment())).then(
      () => 'served',
      (thrown: { name?: string }) => thrown.name,
    )
    expect(attachment === 'TenantSuspended', `the attachment was ${attachment} during the suspension`)
    this.#detail('S3 clients get TenantSuspended')
  }

  async #restore(): Promise<void> {
    this.#say('The customer enables the key again')
    const { KeyId } = this.#rootKey()
    await this.#customer.send(new EnableKeyCommand({ KeyId }))
    const started = performance.now()
    await this.#until((response) => response.status === 200, RESTORE_MS_MAX)
    this.#detail(`served again after ${(performance.now() - started).toFixed(0)} ms, without anybody's help`)
    await this.#readBack('Nothing was lost')
  }

  async #rotate(): Promise<void> {
    this.#say('The customer rotates the key material: nothing to do for anybody')
    const { KeyId } = this.#rootKey()
    await this.#customer.send(new RotateKeyOnDemandCommand({ KeyId }))
    await this.#readBack('Everything written before the rotation stays readable')
  }

  #attachment(): { Bucket: string; Key: string } {
    return { Bucket: this.#stack.environment.objects.bucket, Key: ATTACHMENT.key }
  }

  #rootKey(): { KeyId: string } {
    return { KeyId: this.#stack.environment.world.customer.keys[0]!.keyArn }
  }

  async #until(wanted: (response: Response) => boolean, deadlineMs: number): Promise<Response> {
    const deadline = performance.now() + deadlineMs
    for (;;) {
      const response = await this.#request(DOCUMENTS[0]!.path)
      if (wanted(response)) return response
      await response.arrayBuffer()
      expect(performance.now() < deadline, `it did not happen within ${deadlineMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async #request(path: string, init: RequestInit = {}): Promise<Response> {
    const { gateway, environment } = this.#stack
    return await fetch(gateway.url + path, {
      ...init,
      headers: {
        ...(init.headers as Record<string, string> | undefined),
        'Portcullis-Tenant': environment.site,
        'Portcullis-Authorization': `Bearer ${environment.tokens.app}`,
      },
    })
  }

  #upstream(path: string): string {
    const { jira, confluence } = this.#stack.environment.stores
    const store = path.startsWith(jira.mount) ? jira : confluence
    return store.upstream + path.slice(store.mount.length)
  }

  #say(text: string): void {
    this.#step += 1
    this.#terminal.print(`\n${this.#step}. ${text}\n`)
  }

  #detail(text: string): void {
    this.#terminal.print(`   ${text}\n`)
  }
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
