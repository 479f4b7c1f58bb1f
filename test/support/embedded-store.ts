import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { startObjectStore } from '../../src/local/object-store/object-store.ts'
import type { S3Credential } from '../../src/protocol/s3/signing-key.ts'

const credentials: S3Credential = {
  accessKeyId: 'AKIAEMBEDDED000001',
  secretAccessKey: 'secret-of-its-account',
}

/** The embedded store alone, with the bucket `attachments` and a client. */
export interface EmbeddedStore {
  readonly endpoint: string
  readonly region: string
  readonly credentials: S3Credential
  readonly client: S3Client
  stop(): Promise<void>
}

/** Starts an embedded store in a directory of its own. */
export async function startEmbeddedStore(region = 'eu-central-1'): Promise<EmbeddedStore> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-embedded-'))
  const store = await startObjectStore({ directory, port: 0, credentials, bucket: 'attachments', region })
  const { endpoint } = store
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  const stop = async (): Promise<void> => {
    client.destroy()
    await store.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { endpoint, region, credentials, client, stop }
}
