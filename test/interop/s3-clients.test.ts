import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCESS_KEYS, BUCKET, ProxyHarness, REGION } from '../protocol/s3/proxy-harness.ts'

const run = promisify(execFile)
const { accessKeyId, secretAccessKey } = ACCESS_KEYS.acme
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

describe('clients as they come', () => {
  const harness = new ProxyHarness()
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-s3-clients-'))
  const tree = join(directory, 'tree')
  const big = randomBytes(20_000_000)

  beforeAll(async () => {
    await harness.start()
    mkdirSync(join(tree, 'sub'), { recursive: true })
    writeFileSync(join(tree, 'big'), big)
    writeFileSync(join(tree, 'empty'), '')
    writeFileSync(join(tree, 'sub', 'ä b&c.txt'), 'small')
  })

  afterAll(async () => {
    await harness.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  function environment(): NodeJS.ProcessEnv {
    const { AWS_CA_BUNDLE: _, ...inherited } = process.env
    return {
      ...inherited,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: REGION,
      AWS_CONFIG_FILE: join(directory, 'none'),
      AWS_EC2_METADATA_DISABLED: 'true',
    }
  }

  function expectTree(copy: string): void {
    for (const name of ['big', 'empty', join('sub', 'ä b&c.txt')]) {
      expect(readFileSync(join(copy, name)).equals(readFileSync(join(tree, name)))).toBe(true)
    }
  }

  /** No block of the content stands in any file of the store. */
  function expectSealed(): void {
    for (let at = 0; at + 32 <= big.length; at += 5_000_000) {
      expect(harness.storeHolds(big.subarray(at, at + 32))).toBe(false)
    }
  }

  it.skipIf(!has('aws'))('aws s3 sync converges (skipped where aws is absent)', async () => {
    const sync = async (...paths: string[]): Promise<string> => {
      const args = ['--endpoint-url', harness.url, 's3', 'sync', '--no-progress', ...paths]
      return (await run('aws', args, { env: environment() })).stdout
    }
    expect(await sync(tree, `s3://${BUCKET}/aws`)).toContain('upload')
    expect(await sync(tree, `s3://${BUCKET}/aws`)).toBe('')
    await sync(`s3://${BUCKET}/aws`, join(directory, 'aws'))
    expect(await sync(`s3://${BUCKET}/aws`, join(directory, 'aws'))).toBe('')
    expectTree(join(directory, 'aws'))
    expectSealed()
  })

  it.skipIf(!has('rclone'))('rclone sync converges (skipped where rclone is absent)', async () => {
    const configuration = join(directory, 'rclone.conf')
    writeFileSync(
      configuration,
      `[p]\ntype = s3\nprovider = Other\naccess_key_id = ${accessKeyId}\nsecret_access_key = ${secretAccessKey}\nendpoint = ${harness.url}\nregion = ${REGION}\nforce_path_style = true\n`,
    )
    const rclone = (...args: string[]): Promise<{ stderr: string }> =>
      run('rclone', ['--config', configuration, '-v', ...args], { env: environment() })
    await rclone('sync', '--s3-upload-cutoff', '6M', '--s3-chunk-size', '5M', tree, `p:${BUCKET}/rclone`)
    expect((await rclone('sync', tree, `p:${BUCKET}/rclone`)).stderr).toContain(
      'There was nothing to transfer',
    )
    expect((await rclone('check', '--download', tree, `p:${BUCKET}/rclone`)).stderr).toContain(
      '0 differences found',
    )
    const back = join(directory, 'rclone')
    await rclone('sync', `p:${BUCKET}/rclone`, back)
    expect((await rclone('sync', `p:${BUCKET}/rclone`, back)).stderr).toContain(
      'There was nothing to transfer',
    )
    expectTree(back)
    expectSealed()
  })

  it.skipIf(!has('s3cmd'))('s3cmd puts and gets (skipped where s3cmd is absent)', async () => {
    const configuration = join(directory, 's3cfg')
    const { host } = new URL(harness.url)
    writeFileSync(
      configuration,
      `[default]\naccess_key = ${accessKeyId}\nsecret_key = ${secretAccessKey}\nhost_base = ${host}\nhost_bucket = ${host}\nuse_https = False\nbucket_location = ${REGION}\n`,
    )
    const s3cmd = (...args: string[]): Promise<{ stdout: string }> =>
      run('s3cmd', ['-c', configuration, ...args], { env: environment() })
    await s3cmd('sync', `${tree}/`, `s3://${BUCKET}/s3cmd/`)
    const again = await s3cmd('sync', `${tree}/`, `s3://${BUCKET}/s3cmd/`)
    expect(again.stdout).not.toContain('upload:')
    await s3cmd('get', '--force', `s3://${BUCKET}/s3cmd/big`, join(directory, 'got'))
    expect(readFileSync(join(directory, 'got')).equals(big)).toBe(true)
  })
})
