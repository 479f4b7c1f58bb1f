import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe } from 'vitest'
import {
  ACCESS_KEYS,
  BUCKET as Bucket,
  ProxyHarness,
  REGION,
  STORE_CREDENTIAL,
} from '../protocol/s3/proxy-harness.ts'
import { answers, freePort } from '../support/ports.ts'
import { testOperations } from './s3-operations.ts'

const PROGRAM = process.env['PORTCULLIS_VERSITYGW'] ?? 'versitygw'
const present = spawnSync(PROGRAM, ['--version']).status === 0

describe.skipIf(!present)('versitygw as store (skipped where the program versitygw is absent)', () => {
  const harness = new ProxyHarness()
  let directory: string
  let program: ChildProcess
  let client: S3Client

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-versitygw-'))
    mkdirSync(join(directory, Bucket))
    const port = await freePort()
    const { accessKeyId, secretAccessKey } = STORE_CREDENTIAL
    const options = ['--access', accessKeyId, '--secret', secretAccessKey, '--region', REGION]
    program = spawn(PROGRAM, [...options, '--port', `127.0.0.1:${port}`, 'posix', directory], {
      stdio: 'ignore',
    })
    const endpoint = `http://127.0.0.1:${port}`
    while (!(await answers(endpoint))) await setTimeout(100)
    await harness.start({ endpoint, stop: () => Promise.resolve() })
    client = harness.client(ACCESS_KEYS.acme)
  })

  afterAll(async () => {
    await harness.stop()
    program.kill()
    rmSync(directory, { recursive: true, force: true })
  })

  testOperations(
    () => client,
    () => harness.url,
  )
})
