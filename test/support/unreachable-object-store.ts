import type { AnyJson } from './any-json.ts'

/** The configuration of an object store that nothing is asked of: apps need one to have S3 access keys. */
export function unreachableObjectStore(): AnyJson {
  return {
    name: 'attachments',
    port: 0,
    clientRegion: 'eu-central-1',
    upstream: 'http://127.0.0.1:9',
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIASTORE000000001', secretAccessKey: { env: 'AWS_SECRET' } },
    apps: ['jira'],
  }
}
