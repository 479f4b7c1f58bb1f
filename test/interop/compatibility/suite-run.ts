import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suiteConfiguration, type SuiteUser } from './suite-user.ts'

const PLUGIN_DIRECTORY = fileURLToPath(new URL('.', import.meta.url))
const TEST_SECONDS_MAX = 120

/** What stores do by themselves with time, or services beside S3. */
const EXCLUDED = [
  'abac_test',
  'bucket_logging',
  'bucket_logging_cleanup',
  'cloud_restore',
  'cloud_transition',
  'group',
  'iam_account',
  'iam_cross_account',
  'iam_role',
  'iam_tenant',
  'iam_user',
  'lifecycle',
  'lifecycle_expiration',
  'lifecycle_transition',
  's3website',
  's3website_redirect_location',
  's3website_routing_rules',
  'sns',
  'sse_s3',
  'storage_class',
  'test_of_sts',
  'webidentity_test',
]

/** Outcome of one test of the suite. */
export interface Outcome {
  readonly test: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Last line of the failure. */
  readonly reason: string
}

/** Where the suite is and what is run of it. */
export interface Suite {
  /** A checkout of ceph/s3-tests. */
  readonly directory: string
  /** A Python with its requirements and pytest-timeout. */
  readonly python: string
  /** Expression of `pytest -k`; everything when absent. */
  readonly only: string | undefined
}

/** Runs the suite against a server; files of the run go to a directory. */
export async function runSuite(
  suite: Suite,
  endpoint: string,
  users: readonly SuiteUser[],
  directory: string,
): Promise<Outcome[]> {
  mkdirSync(directory, { recursive: true })
  const [configuration, outcomes] = [join(directory, 's3tests.conf'), join(directory, 'outcomes.ndjson')]
  writeFileSync(configuration, suiteConfiguration(endpoint, users))
  rmSync(outcomes, { force: true })
  const files = ['test_s3.py', 'test_headers.py'].map((file) => join('s3tests', 'functional', file))
  const marks = EXCLUDED.map((mark) => `not ${mark}`).join(' and ')
  const plugins = ['each_test_alone', 'forms_of_version_4', 'no:cacheprovider'].flatMap((name) => [
    '-p',
    name,
  ])
  const options = [...plugins, '-q', '--tb=short', '-m', marks]
  const limits = [
    '--timeout',
    String(TEST_SECONDS_MAX),
    ...(suite.only === undefined ? [] : ['-k', suite.only]),
  ]
  const child = spawn(suite.python, ['-m', 'pytest', ...files, ...options, ...limits], {
    cwd: suite.directory,
    env: {
      ...process.env,
      S3TEST_CONF: configuration,
      OUTCOMES: outcomes,
      PYTHONPATH: `${suite.directory}:${PLUGIN_DIRECTORY}`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pieces: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => pieces.push(chunk))
  await new Promise((resolve) => child.once('close', resolve))
  writeFileSync(join(directory, 'pytest.log'), Buffer.concat(pieces))
  if (!existsSync(outcomes)) throw new Error(`pytest ran nothing: ${Buffer.concat(pieces).toString()}`)
  const lines = readFileSync(outcomes, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Outcome)
}
