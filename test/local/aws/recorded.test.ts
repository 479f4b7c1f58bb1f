import { existsSync, readFileSync } from 'node:fs'
import { AssumeRoleCommand, STSServiceException, type AssumeRoleCommandInput } from '@aws-sdk/client-sts'
import { CreateRoleCommand, type Role } from '@aws-sdk/client-iam'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalAws, type LocalAws } from '../../../src/local/aws/local-aws.ts'
import { iamClient, stsClient, type Credentials } from './clients.ts'
import { differences, type Bindings } from './recorded-match.ts'
import { KMS_SCENARIOS } from './recorded-scenarios.ts'
import { kmsAnswer } from './wire.ts'

const FOLDER = new URL('../../../../shared/data/aws-recorded/', import.meta.url)
const ACCOUNT = '111111111111'
const present = existsSync(FOLDER)

/** Recorded cases that are not held against the local AWS, each with the reason. */
const SKIPPED: Readonly<Record<string, string>> = {
  test_verify_salt_length: 'the recording is empty',
  'test_sign_verify[ECC_NIST_P256-ECDSA_SHA_384]': 'the recording is empty',
  'test_sign_verify[ECC_SECG_P256K1-ECDSA_SHA_512]': 'the recording is empty',
  test_rotate_key_on_demand_raises_error_given_key_with_imported_key_material:
    'superseded: the recordings of November 2025 rotate imported keys on demand',
  test_get_federation_token: 'GetFederationToken is not implemented: the product assumes roles only',
}

interface RecordedCase {
  readonly name: string
  readonly base: string
  readonly parameters: readonly string[]
  readonly content: Readonly<Record<string, unknown>>
}

function recordedCases(file: string): RecordedCase[] {
  if (!present) return []
  const recorded = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Record<
    string,
    { 'recorded-content': Record<string, unknown> }
  >
  return Object.entries(recorded).map(([path, { 'recorded-content': content }]) => {
    const name = path.slice(path.lastIndexOf('::') + 2)
    const [base = '', list] = name.split(/[[\]]/)
    const parameters = list === undefined ? [] : list.split('-')
    return { name, base, parameters, content }
  })
}

const skipReason = ({ name, base }: RecordedCase): string | undefined => SKIPPED[name] ?? SKIPPED[base]

let local: LocalAws
let account: Credentials

beforeAll(async () => {
  local = await startLocalAws()
  account = await local.createAccount(ACCOUNT)
})

afterAll(() => local.stop())

function expectRecorded(content: Readonly<Record<string, unknown>>, answers: Record<string, unknown>): void {
  const bindings: Bindings = new Map()
  const found = Object.entries(content).flatMap(([label, recorded]) =>
    label in answers ? differences(recorded, answers[label], bindings, label) : [`${label}: not asked for`],
  )
  expect(found).toEqual([])
}

describe.skipIf(!present)('the recorded answers of AWS KMS (skipped where ../shared is absent)', () => {
  for (const recorded of recordedCases('kms.snapshot.json')) {
    const reason = skipReason(recorded)
    test.skipIf(reason !== undefined)(
      reason === undefined ? recorded.name : `${recorded.name}: ${reason}`,
      async () => {
        const scenario = KMS_SCENARIOS[recorded.base]
        expect(scenario, `no scenario for ${recorded.name}`).toBeDefined()
        const answers = await scenario?.(
          (operation, members = {}, region = 'us-east-1') =>
            kmsAnswer(local.endpoint, account, region, operation, members),
          recorded.parameters,
        )
        expectRecorded(recorded.content, answers ?? {})
      },
    )
  }
})

describe.skipIf(!present)('the recorded answers of AWS STS (skipped where ../shared is absent)', () => {
  const cases = new Map(recordedCases('sts.snapshot.json').map((recorded) => [recorded.name, recorded]))

  test('every recorded case is held or skipped by name', () => {
    const held = ['test_assume_role', 'test_sts_invalid_parameters', ...TAG_CASES]
    const open = [...cases.keys()].filter((name) => !held.includes(name) && !(name in SKIPPED))
    expect(open).toEqual([])
  })

  test('test_assume_role', async () => {
    const role = await makeRole('assume-role', ['sts:AssumeRole'])
    const answer = await assume({ RoleArn: role.Arn, RoleSessionName: 'session-1' })
    expectRecorded(cases.get('test_assume_role')?.content ?? {}, {
      'role-session-name': { RoleSessionName: 'session-1' },
      'create-role': { Role: role, ResponseMetadata: { HTTPStatusCode: 200 } },
      'assume-role': answer,
    })
  })

  test('test_sts_invalid_parameters', async () => {
    const ask = (RoleArn: string, RoleSessionName = 'Session1') => assume({ RoleArn, RoleSessionName })
    expectRecorded(cases.get('test_sts_invalid_parameters')?.content ?? {}, {
      'malformed-arn': await ask('nothing-valid-in-here'),
      'no-partition': await ask('arn::b:::something/test-role'),
      'no-service': await ask('arn:a::::something/test-role'),
      'not-enough-colons': await ask('arn:a:::something/test-role'),
      'no-resource': await ask('arn:a:a::aaaaaaaaaa:'),
      'invalid-session-name': await ask('arn:aws:a::aaaaaaaaaa:something/test-role', 'Session1:2'),
    })
  })

  test('test_assume_role_tag_validation', async () => {
    const role = await makeRole('tags-1', ['sts:AssumeRole', 'sts:TagSession'])
    const request = { RoleArn: role.Arn, RoleSessionName: 'session' }
    const Tags = [{ Key: 'TestKey', Value: 'a' }]
    expectRecorded(cases.get('test_assume_role_tag_validation')?.content ?? {}, {
      'role-1': { Role: role, ResponseMetadata: { HTTPStatusCode: 200 } },
      'invalid-transitive-tag-keys': await assume({ ...request, Tags, TransitiveTagKeys: ['OtherKey'] }),
      'duplicate-tag-keys-different-casing': await assume({
        ...request,
        Tags: [...Tags, { Key: 'testkey', Value: 'b' }],
      }),
    })
  })

  test('test_iam_role_chaining_override_transitive_tags', async () => {
    const first = await makeRole('chain-1', ['sts:AssumeRole', 'sts:TagSession'])
    const second = await makeRole('chain-2', ['sts:AssumeRole', 'sts:TagSession'])
    const Tags = [{ Key: 'TestKey', Value: 'a' }]
    const session = await assume({
      RoleArn: first.Arn,
      RoleSessionName: 'session',
      Tags,
      TransitiveTagKeys: ['TestKey'],
    })
    const credentials = sessionOf(session)
    const chained = { RoleArn: second.Arn, RoleSessionName: 'session' }
    expectRecorded(cases.get('test_iam_role_chaining_override_transitive_tags')?.content ?? {}, {
      'role-1': { Role: first, ResponseMetadata: { HTTPStatusCode: 200 } },
      'role-2': { Role: second, ResponseMetadata: { HTTPStatusCode: 200 } },
      'override-transitive-tag-error': await assume({ ...chained, Tags }, credentials),
      'override-transitive-tag-case-ignore-error': await assume(
        { ...chained, Tags: [{ Key: 'testkey', Value: 'b' }] },
        credentials,
      ),
    })
  })
})

const TAG_CASES = ['test_assume_role_tag_validation', 'test_iam_role_chaining_override_transitive_tags']

function sessionOf(answer: Record<string, unknown>): Credentials {
  const issued = answer['Credentials'] as Record<string, string>
  return {
    accessKeyId: issued['AccessKeyId'] ?? '',
    secretAccessKey: issued['SecretAccessKey'] ?? '',
    sessionToken: issued['SessionToken'],
  }
}

/** AssumeRole through the real client, its answer in the shape of the recordings. */
async function assume(
  request: Partial<AssumeRoleCommandInput>,
  credentials: Credentials = account,
): Promise<Record<string, unknown>> {
  try {
    const command = new AssumeRoleCommand(request as AssumeRoleCommandInput)
    const { $metadata, ...answer } = await stsClient(local, credentials, 'us-east-1').send(command)
    return { ...answer, ResponseMetadata: { HTTPStatusCode: $metadata.httpStatusCode } }
  } catch (error) {
    if (!(error instanceof STSServiceException)) throw error
    return {
      Error: { Code: error.name, Message: error.message, Type: 'Sender' },
      ResponseMetadata: { HTTPStatusCode: error.$metadata.httpStatusCode },
    }
  }
}

async function makeRole(
  RoleName: string,
  actions: readonly string[],
): Promise<Record<string, unknown> & Pick<Role, 'Arn'>> {
  const document = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: actions.length === 1 ? actions[0] : actions },
    ],
  }
  const answer = await iamClient(local, account).send(
    new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(document) }),
  )
  // boto3 shows the document decoded and parsed
  const { AssumeRolePolicyDocument = '', ...role } = answer.Role ?? ({} as Role)
  const policy = JSON.parse(decodeURIComponent(AssumeRolePolicyDocument)) as Record<string, unknown>
  return { ...role, AssumeRolePolicyDocument: policy }
}
