import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCESS_KEYS, BUCKET, ProxyHarness, REGION } from '../protocol/s3/proxy-harness.ts'

const run = promisify(execFile)
const { accessKeyId, secretAccessKey } = ACCESS_KEYS.acme
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

const boto = ['python3', '/usr/bin/python3'].find(
  (program) => spawnSync(program, ['-c', 'import boto3']).status === 0,
)

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

  /** Changes one file, removes one, adds one; returns the names that are left. */
  function changeTree(root: string): string[] {
    writeFileSync(join(root, 'empty'), 'not any more')
    rmSync(join(root, 'sub', 'ä b&c.txt'))
    writeFileSync(join(root, 'sub', 'new'), randomBytes(6_000_000))
    return ['big', 'empty', join('sub', 'new')]
  }

  /** A copy of the tree that a test may change. */
  function ownTree(name: string): string {
    const own = join(directory, `${name}-source`)
    cpSync(tree, own, { recursive: true })
    return own
  }

  function expectSame(one: string, other: string, names: readonly string[]): void {
    const files = (root: string): string[] =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .toSorted()
    expect(files(one)).toEqual(names.toSorted())
    expect(files(other)).toEqual(names.toSorted())
    for (const name of names)
      expect(readFileSync(join(one, name)).equals(readFileSync(join(other, name)))).toBe(true)
  }

  it.skipIf(!has('aws'))('aws s3 sync converges both ways (skipped where aws is absent)', async () => {
    const sync = async (...paths: string[]): Promise<string> => {
      const args = ['--endpoint-url', harness.url, 's3', 'sync', '--no-progress', '--delete', ...paths]
      return (await run('aws', args, { env: environment() })).stdout
    }
    const [own, back, remote] = [ownTree('aws'), join(directory, 'aws'), `s3://${BUCKET}/aws`]
    expect(await sync(own, remote)).toContain('upload')
    expect(await sync(own, remote)).toBe('')
    await sync(remote, back)
    expect(await sync(remote, back)).toBe('')
    expectTree(back)
    expectSealed()
    const names = changeTree(own)
    expect(await sync(own, remote)).toContain('delete')
    expect(await sync(own, remote)).toBe('')
    expect(await sync(remote, back)).toContain('delete')
    expect(await sync(remote, back)).toBe('')
    expectSame(own, back, names)
  })

  it.skipIf(!has('aws'))(
    'aws s3 cp carries a stream of unknown length (skipped where aws is absent)',
    async () => {
      const aws = (...args: string[]): ChildProcess =>
        spawn('aws', ['--endpoint-url', harness.url, 's3', 'cp', ...args], { env: environment() })
      const up = aws('-', `s3://${BUCKET}/streamed`)
      up.stdin!.end(big)
      expect(await new Promise((resolve) => up.once('close', resolve))).toBe(0)
      const pieces: Buffer[] = []
      const down = aws(`s3://${BUCKET}/streamed`, '-')
      down.stdout!.on('data', (chunk: Buffer) => pieces.push(chunk))
      expect(await new Promise((resolve) => down.once('close', resolve))).toBe(0)
      expect(Buffer.concat(pieces).equals(big)).toBe(true)
    },
  )

  it.skipIf(!has('rclone'))('rclone sync converges both ways (skipped where rclone is absent)', async () => {
    const configuration = join(directory, 'rclone.conf')
    writeFileSync(
      configuration,
      `[p]\ntype = s3\nprovider = Other\naccess_key_id = ${accessKeyId}\nsecret_access_key = ${secretAccessKey}\nendpoint = ${harness.url}\nregion = ${REGION}\nforce_path_style = true\n`,
    )
    const rclone = (...args: string[]): Promise<{ stderr: string }> =>
      run('rclone', ['--config', configuration, '-v', ...args], { env: environment() })
    const [own, back, remote] = [ownTree('rclone'), join(directory, 'rclone'), `p:${BUCKET}/rclone`]
    const parts = ['--s3-upload-cutoff', '6M', '--s3-chunk-size', '5M']
    const expectDone = async (from: string, to: string): Promise<void> =>
      expect((await rclone('sync', from, to)).stderr).toContain('There was nothing to transfer')
    await rclone('sync', ...parts, own, remote)
    await expectDone(own, remote)
    expect((await rclone('check', '--download', own, remote)).stderr).toContain('0 differences found')
    await rclone('sync', remote, back)
    await expectDone(remote, back)
    expectTree(back)
    expectSealed()
    const names = changeTree(own)
    expect((await rclone('sync', ...parts, own, remote)).stderr).toContain('Deleted')
    await expectDone(own, remote)
    await rclone('sync', remote, back)
    await expectDone(remote, back)
    expectSame(own, back, names)
  })

  it.skipIf(!has('s3cmd'))('s3cmd sync converges both ways (skipped where s3cmd is absent)', async () => {
    const configuration = join(directory, 's3cfg')
    const { host } = new URL(harness.url)
    writeFileSync(
      configuration,
      `[default]\naccess_key = ${accessKeyId}\nsecret_key = ${secretAccessKey}\nhost_base = ${host}\nhost_bucket = ${host}\nuse_https = False\nbucket_location = ${REGION}\n`,
    )
    const s3cmd = (...args: string[]): Promise<{ stdout: string }> =>
      run('s3cmd', ['-c', configuration, ...args], { env: environment() })
    const [own, back, remote] = [ownTree('s3cmd'), join(directory, 's3cmd'), `s3://${BUCKET}/s3cmd/`]
    mkdirSync(back)
    const sync = async (from: string, to: string): Promise<string> =>
      (await s3cmd('sync', '--delete-removed', '--multipart-chunk-size-mb=5', from, to)).stdout
    await sync(`${own}/`, remote)
    expect(await sync(`${own}/`, remote)).not.toContain('upload:')
    await sync(remote, `${back}/`)
    expect(await sync(remote, `${back}/`)).not.toContain('download:')
    expectTree(back)
    expectSealed()
    const names = changeTree(own)
    expect(await sync(`${own}/`, remote)).toContain('delete:')
    await sync(remote, `${back}/`)
    expectSame(own, back, names)
  })

  it.skipIf(boto === undefined)(
    'boto3 transfers files and streams (skipped where boto3 is absent)',
    async () => {
      const program = `
import boto3, io, os, sys
from boto3.s3.transfer import TransferConfig
url, bucket, source, target = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=url)
config = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20)
s3.upload_file(source, bucket, 'boto/file', Config=config, ExtraArgs={'Metadata': {'of': 'boto'}})
with open(source, 'rb') as stream:
    s3.upload_fileobj(stream, bucket, 'boto/stream', Config=config, ExtraArgs={'ChecksumAlgorithm': 'SHA256'})
s3.copy({'Bucket': bucket, 'Key': 'boto/file'}, bucket, 'boto/copy', Config=config)
s3.download_file(bucket, 'boto/copy', target, Config=config)
content = open(source, 'rb').read()
for key in ('boto/file', 'boto/stream', 'boto/copy'):
    got = io.BytesIO()
    s3.download_fileobj(bucket, key, got, Config=config)
    assert got.getvalue() == content, key
    assert s3.head_object(Bucket=bucket, Key=key)['ContentLength'] == len(content), key
assert s3.head_object(Bucket=bucket, Key='boto/file')['Metadata'] == {'of': 'boto'}
listed = [o['Size'] for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket, Prefix='boto/') for o in page['Contents']]
assert listed == [len(content)] * 3, listed
url = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'boto/file'})
import urllib.request
assert urllib.request.urlopen(url).read() == content
`
      const target = join(directory, 'boto')
      await run(boto!, ['-c', program, harness.url, BUCKET, join(tree, 'big'), target], {
        env: environment(),
      })
      expect(readFileSync(target).equals(big)).toBe(true)
    },
  )
})
