import { AsyncLocalStorage } from 'node:async_hooks'
import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import type { AssumeRoleCommandOutput, STSClientConfig } from '@aws-sdk/client-sts'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { EncryptionContext } from '../keyring/key-service.ts'
import { OwnCredentialsUnavailable } from './call.ts'
import { extractPlaintext, insertPlaintext, PLACEHOLDER_BYTES } from './plaintext-body.ts'

/** Credentials that sign one call. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Fixed credentials, or a function that gives them and says when they end. */
export type BaseCredentials = NonNullable<STSClientConfig['credentials']>

/** Where the services are; anything left undefined is the public AWS endpoint of the region. */
export interface AwsEndpoints {
  readonly kms?: (region: string) => string | undefined
  readonly sts?: (region: string) => string | undefined
}

/** How the clients reach AWS. */
export interface RegionalClientsOptions {
  readonly endpoints: AwsEndpoints
  /** With what roles are assumed; undefined for the SDK's default provider chain. */
  readonly baseCredentials: BaseCredentials | undefined
  readonly connectTimeoutMs: number
  readonly socketsMax: number
}

/** A KMS answer is a few hundred bytes; anything longer is not one. */
const ANSWER_BYTES_MAX = 64 * 1024

/**
 * One KMS and one STS client per region, shared by all authorities: credentials are given per call. Retries of the
 * SDK are off, since the budget for them is per authority and ours.
 */
export class RegionalClients {
  readonly #options: RegionalClientsOptions
  readonly #handler: NodeHttpHandler
  readonly #kms = new Map<string, KMSClient>()
  readonly #sts = new Map<string, STSClient>()
  /** Whose credentials sign the KMS call of this asynchronous context. */
  readonly #caller = new AsyncLocalStorage<AwsCredentials>()
  /** `memoized` tells the SDK to ask for every signature instead of keeping the first answer. */
  readonly #callerCredentials = Object.assign(async (): Promise<AwsCredentials> => this.#currentCaller(), {
    memoized: true,
  })

  constructor(options: RegionalClientsOptions) {
    this.#options = options
    const agent = { keepAlive: true, maxSockets: options.socketsMax }
    this.#handler = new NodeHttpHandler({
      connectionTimeout: options.connectTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    })
  }

  /** KMS Encrypt of a 32-byte `plaintext`, which never becomes a string. Resolves to the ciphertext blob. */
  async encrypt(
    region: string,
    credentials: AwsCredentials,
    keyArn: string,
    plaintext: Uint8Array,
    context: EncryptionContext,
    signal: AbortSignal,
  ): Promise<{ ciphertext: Uint8Array; $metadata: { requestId?: string | undefined } }> {
    const command = new EncryptCommand({
      KeyId: keyArn,
      Plaintext: new Uint8Array(PLACEHOLDER_BYTES),
      EncryptionContext: { ...context },
    })
    command.middlewareStack.use(carryingPlaintext(plaintext))
    const { CiphertextBlob, $metadata } = await this.#as(credentials, () =>
      this.#kmsOf(region).send(command, { abortSignal: signal }),
    )
    if (CiphertextBlob === undefined) throw new Error('KMS answered Encrypt without a ciphertext')
    return { ciphertext: CiphertextBlob, $metadata }
  }

  /** KMS Decrypt into `target` (32 bytes); the plaintext never becomes a string. */
  async decrypt(
    region: string,
    credentials: AwsCredentials,
    copy: { keyArn: string; ciphertext: Uint8Array },
    context: EncryptionContext,
    target: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ $metadata: { requestId?: string | undefined } }> {
    const command = new DecryptCommand({
      KeyId: copy.keyArn,
      CiphertextBlob: copy.ciphertext,
      EncryptionContext: { ...context },
    })
    const received = { complete: false }
    command.middlewareStack.use(divertingPlaintext(target, received))
    const { $metadata } = await this.#as(credentials, () =>
      this.#kmsOf(region).send(command, { abortSignal: signal }),
    )
    if (!received.complete) throw new Error('KMS answered Decrypt without a 32-byte plaintext')
    return { $metadata }
  }

  /** STS AssumeRole with the external id. */
  async assumeRole(
    region: string,
    role: { roleArn: string; externalId: string; sessionName: string; durationSeconds: number },
    signal: AbortSignal,
  ): Promise<AssumeRoleCommandOutput> {
    const command = new AssumeRoleCommand({
      RoleArn: role.roleArn,
      RoleSessionName: role.sessionName,
      ExternalId: role.externalId,
      DurationSeconds: role.durationSeconds,
    })
    return this.#stsOf(region).send(command, { abortSignal: signal })
  }

  /** Closes every connection. */
  destroy(): void {
    for (const client of [...this.#kms.values(), ...this.#sts.values()]) client.destroy()
    this.#handler.destroy()
  }

  #as<T>(credentials: AwsCredentials, call: () => Promise<T>): Promise<T> {
    return this.#caller.run(credentials, call)
  }

  #currentCaller(): AwsCredentials {
    const credentials = this.#caller.getStore()
    if (credentials === undefined) throw new Error('a KMS call without an authority')
    return credentials
  }

  #kmsOf(region: string): KMSClient {
    let client = this.#kms.get(region)
    if (client === undefined) {
      const shared = this.#shared(region, this.#options.endpoints.kms)
      client = new KMSClient({ ...shared, credentials: this.#callerCredentials })
      this.#kms.set(region, client)
    }
    return client
  }

  #stsOf(region: string): STSClient {
    let client = this.#sts.get(region)
    if (client === undefined) {
      const shared = this.#shared(region, this.#options.endpoints.sts)
      client = new STSClient({ ...shared, ...this.#baseCredentials() })
      const provide = client.config.credentials
      client.config.credentials = Object.assign(async (options?: Parameters<typeof provide>[0]) => {
        try {
          return await provide(options)
        } catch (cause) {
          throw new OwnCredentialsUnavailable('our own AWS credentials cannot be had', { cause })
        }
      }, provide)
      this.#sts.set(region, client)
    }
    return client
  }

  #baseCredentials(): { credentials?: BaseCredentials } {
    return this.#options.baseCredentials === undefined ? {} : { credentials: this.#options.baseCredentials }
  }

  #shared(region: string, endpoint: ((region: string) => string | undefined) | undefined) {
    const address = endpoint?.(region)
    return {
      region,
      ...(address === undefined ? {} : { endpoint: address }),
      maxAttempts: 1,
      retryMode: 'standard',
      requestHandler: this.#handler,
    }
  }
}

/** Puts the key into the serialized body in place of the placeholder, before the body is measured and signed. */
function carryingPlaintext(plaintext: Uint8Array): Parameters<EncryptCommand['middlewareStack']['use']>[0] {
  return {
    applyToStack: (stack) =>
      stack.add(
        (next) => async (args) => {
          const request = args.request as { body: string | Uint8Array }
          const body = insertPlaintext(request.body, plaintext)
          request.body = body
          try {
            return await next(args)
          } finally {
            body.fill(0)
          }
        },
        { name: 'portcullisPlaintextIn', step: 'build', priority: 'high' },
      ),
  }
}

/** Takes the key out of the raw answer before the SDK parses it. */
function divertingPlaintext(
  target: Uint8Array,
  received: { complete: boolean },
): Parameters<DecryptCommand['middlewareStack']['use']>[0] {
  return {
    applyToStack: (stack) =>
      stack.add(
        (next) => async (args) => {
          const result = await next(args)
          const response = result.response as { statusCode: number; body: AsyncIterable<Buffer> | Buffer }
          const body = await collected(response.body as AsyncIterable<Buffer>)
          received.complete = response.statusCode < 300 && extractPlaintext(body, target)
          response.body = body
          return result
        },
        { name: 'portcullisPlaintextOut', step: 'deserialize', priority: 'low' },
      ),
  }
}

/** The whole body as one buffer; the chunks it came in are zeroed. */
async function collected(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error('KMS sent more than an answer can have')
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return whole
}
