import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { S3Credential } from '../../src/protocol/s3/signing-key.ts'
import { answers, freePort } from '../support/ports.ts'

const PROGRAMS = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool']
const START_MS_MAX = 120_000

/** True where every program of Ceph that is needed is installed. */
export function hasCeph(): boolean {
  return PROGRAMS.every((program) => spawnSync(program, ['--version'], { timeout: 20_000 }).status === 0)
}

/** A Ceph cluster of one node in memory, with its object gateway. */
export class CephRgw {
  readonly endpoint: string
  readonly #directory: string
  readonly #children: ChildProcess[] = []

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.endpoint = `http://127.0.0.1:${port}`
  }

  /** Starts monitor, storage daemon and gateway, and makes a user with this access key. */
  static async start(credential: S3Credential): Promise<CephRgw> {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-ceph-'))
    const [port, monitorPort] = [await freePort(), await freePort()]
    const ceph = new CephRgw(directory, port)
    try {
      await ceph.#begin(port, monitorPort, credential)
    } catch (error) {
      await ceph.stop()
      throw error
    }
    return ceph
  }

  async #begin(port: number, monitorPort: number, credential: S3Credential): Promise<void> {
    const at = (name: string): string => join(this.#directory, name)
    for (const name of ['mon', 'osd', 'run', 'log']) mkdirSync(at(name))
    const fsid = randomUUID()
    writeFileSync(at('ceph.conf'), configuration(this.#directory, fsid, port, monitorPort))
    writeFileSync(at('keyring'), '')
    const address = `[v1:127.0.0.1:${monitorPort}]`
    this.#run('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', address, at('monmap'))
    this.#run('ceph-mon', '-i', 'a', '--mkfs', '--monmap', at('monmap'))
    this.#serve('ceph-mon', '-i', 'a', '-f')
    await this.#until(() => this.#try('ceph', '--connect-timeout', '5', 'status'))
    this.#run('ceph-osd', '-i', '0', '--mkfs')
    this.#run('ceph', 'osd', 'new', readFileSync(at('osd/fsid'), 'utf8').trim())
    this.#run('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost')
    this.#serve('ceph-osd', '-i', '0', '-f')
    this.#serve('radosgw', '-n', 'client.rgw', '-f')
    await this.#until(() => answers(this.endpoint))
    this.addUser('gateway', credential)
  }

  /** Makes a user; `more` are further options of `radosgw-admin user create`. */
  addUser(id: string, { accessKeyId, secretAccessKey }: S3Credential, more: readonly string[] = []): void {
    const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey]
    this.#run('radosgw-admin', 'user', 'create', '--uid', id, '--display-name', id, ...keys, ...more)
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = new Promise((resolve) => {
        child.once('exit', resolve)
      })
      child.kill('SIGKILL')
      await gone
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #arguments(rest: readonly string[]): string[] {
    return ['-c', join(this.#directory, 'ceph.conf'), ...rest]
  }

  #run(program: string, ...rest: string[]): void {
    const options = program === 'monmaptool' ? rest : this.#arguments(rest)
    const ended = spawnSync(program, options, { encoding: 'utf8', timeout: START_MS_MAX })
    if (ended.status !== 0) throw new Error(`${program} ${rest.join(' ')}: ${ended.stderr}`)
  }

  #try(program: string, ...rest: string[]): boolean {
    return spawnSync(program, this.#arguments(rest), { timeout: 10_000 }).status === 0
  }

  #serve(program: string, ...rest: string[]): void {
    this.#children.push(spawn(program, this.#arguments(rest), { stdio: 'ignore' }))
  }

  async #until(ready: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + START_MS_MAX
    while (!(await ready())) {
      if (performance.now() > deadline) throw new Error('Ceph did not start')
      await setTimeout(200)
    }
  }
}

// Keys of the cluster's own encryption, which clients may ask for by name.
const testKey = (): string => randomBytes(32).toString('base64')

// Without authentication inside the cluster, which lives on loopback for the length of a test.
function configuration(directory: string, fsid: string, port: number, monitorPort: number): string {
  return `[global]
fsid = ${fsid}
mon_host = [v1:127.0.0.1:${monitorPort}]
mon_initial_members = a
ms_bind_msgr2 = false
ms_mon_client_mode = crc
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
keyring = ${directory}/keyring
run_dir = ${directory}/run
admin_socket = ${directory}/run/$name.$pid.asok
pid_file = ${directory}/run/$name.pid
log_file = ${directory}/log/$name.log
mon_data = ${directory}/mon
osd_data = ${directory}/osd
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 1
mon_max_pg_per_osd = 10000
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_class_update_on_start = false
osd_crush_update_on_start = false
osd_crush_chooseleaf_type = 0
osd_max_object_name_len = 2048
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
rgw_frontends = beast endpoint=127.0.0.1:${port}
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = testkey-1=${testKey()} testkey-2=${testKey()}
`
}
