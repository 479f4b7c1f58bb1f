import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { startObjectStore } from '../../../src/local/object-store/object-store.ts'
import { answers, freePort } from '../../support/ports.ts'
import { CephRgw } from '../ceph-rgw.ts'
import { SUITE_USERS, type SuiteUser } from './suite-user.ts'

const REGION = 'us-east-1'
const ROOT = { accessKeyId: 'SUITE000000000ROOT', secretAccessKey: 'suite-secret-of-root-0123456789' }

/** A running store with the users of the suite. */
export interface SuiteStore {
  readonly endpoint: string
  readonly region: string
  readonly users: readonly SuiteUser[]
  stop(): Promise<void>
}

/** How each store is started, by name. */
export const SUITE_STORES: Readonly<Record<string, () => Promise<SuiteStore>>> = {
  ceph: startCeph,
  versitygw: startVersitygw,
  embedded: startEmbedded,
}

async function startCeph(): Promise<SuiteStore> {
  const ceph = await CephRgw.start(ROOT)
  for (const { id, credential } of SUITE_USERS) {
    const email = `${id.replace('$', '-')}@example.com`
    ceph.addUser(id, credential, ['--email', email, '--caps', 'user-policy=*;roles=*'])
  }
  return { endpoint: ceph.endpoint, region: REGION, users: SUITE_USERS, stop: () => ceph.stop() }
}

async function startVersitygw(): Promise<SuiteStore> {
  const program = process.env['PORTCULLIS_VERSITYGW'] ?? 'versitygw'
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-versitygw-'))
  const at = (name: string): string => join(directory, name)
  for (const name of ['data', 'iam', 'versions']) mkdirSync(at(name))
  const [port, adminPort] = [await freePort(), await freePort()]
  const root = ['--access', ROOT.accessKeyId, '--secret', ROOT.secretAccessKey, '--region', REGION]
  const listen = ['--port', `127.0.0.1:${port}`, '--admin-port', `127.0.0.1:${adminPort}`]
  const posix = ['posix', '--versioning-dir', at('versions'), at('data')]
  const running = spawn(program, [...root, '--iam-dir', at('iam'), ...listen, ...posix], { stdio: 'ignore' })
  const endpoint = `http://127.0.0.1:${port}`
  while (!(await answers(endpoint))) await setTimeout(100)
  const users = SUITE_USERS.map((user) => ({ ...user, id: user.credential.accessKeyId }))
  for (const { credential } of users) {
    const keys = ['--access', credential.accessKeyId, '--secret', credential.secretAccessKey]
    const admin = ['admin', ...root, '--endpoint-url', `http://127.0.0.1:${adminPort}`]
    const ended = spawnSync(program, [...admin, 'create-user', ...keys, '--role', 'userplus'])
    if (ended.status !== 0) throw new Error(`versitygw create-user: ${ended.stderr.toString()}`)
  }
  const stop = async (): Promise<void> => {
    running.kill()
    if (running.exitCode === null) await new Promise((resolve) => running.once('exit', resolve))
    rmSync(directory, { recursive: true, force: true })
  }
  return { endpoint, region: REGION, users, stop }
}

// The embedded store has one account: all users of the suite are it.
async function startEmbedded(): Promise<SuiteStore> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-suite-store-'))
  const store = await startObjectStore({
    directory,
    port: 0,
    credentials: ROOT,
    bucket: 'attachments',
    region: REGION,
  })
  const users = SUITE_USERS.map(({ section }) => ({ section, id: 'portcullis-local', credential: ROOT }))
  const stop = async (): Promise<void> => {
    await store.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { endpoint: store.endpoint, region: REGION, users, stop }
}
