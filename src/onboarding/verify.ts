import { encryptionContextOf } from '../keyring/encryption-context.ts'
import type { EncryptionContext } from '../keyring/key-service.ts'
import { Findings, inconclusive } from './findings.ts'
import type { AwsProbe, KeyDescription, ProbeOutcome, RoleSession } from './probe.ts'
import type {
  OnboardingSetup,
  VerificationCheck,
  VerificationFinding,
  VerificationReport,
  VerificationStep,
} from './verification.ts'

const WRONG_EXTERNAL_ID = 'portcullis-verification-wrong-external-id'
const UNKNOWN_CONTEXT_NAME = 'portcullis:verification'
const USE = { key: 'GatewayUse', role: 'GatewayUsesKeys' }
const LOOK = { key: 'GatewayDescribe', role: 'GatewayDescribesKeys' }

const NOT_VERIFIABLE = [
  'key-policy AccountAdministration: it gives the gateway nothing, so the gateway cannot try it; AWS itself refuses a key policy that locks the account out',
  'actions of the role that this program never uses, on other resources of the account: read the policies of the role for those',
  'EventBridge rules: a missed notification costs a few seconds, never the cut-off itself',
]

/** Goes through {@link verificationSteps} to the report. */
export async function verifyOnboarding(probe: AwsProbe, setup: OnboardingSetup): Promise<VerificationReport> {
  const steps = verificationSteps(probe, setup)
  for (;;) {
    const { done, value } = await steps.next()
    if (done === true) return value
  }
}

/**
 * Tries every permission in every region, and everything that must be refused; says which statement is missing or
 * too wide and how it must read. Yields before each region, and returns the report. Changes nothing in the account. IAM changes may take some seconds to show.
 */
export async function* verificationSteps(
  probe: AwsProbe,
  setup: OnboardingSetup,
): AsyncGenerator<VerificationStep, VerificationReport> {
  const run = new VerificationRun(probe, setup)
  const regions = setup.keys.length
  for (const [done, { region, keyArn }] of setup.keys.entries()) {
    yield { region, done, regions }
    await run.region(region, keyArn)
  }
  return run.report()
}

class VerificationRun {
  readonly #probe: AwsProbe
  readonly #setup: OnboardingSetup
  readonly #findings: Findings
  readonly #checks: VerificationCheck[] = []
  readonly #found: VerificationFinding[] = []
  readonly #context: EncryptionContext

  constructor(probe: AwsProbe, setup: OnboardingSetup) {
    this.#probe = probe
    this.#setup = setup
    this.#findings = new Findings(setup)
    this.#context = encryptionContextOf({
      site: 'verification',
      app: 'jira',
      dataClass: 'issue',
      ...setup.tenant,
      organization: setup.organization,
      keyId: '0'.repeat(32),
    })
  }

  report(): VerificationReport {
    const ok = this.#checks.every(({ verdict }) => verdict === 'passed')
    return { ok, checks: this.#checks, findings: this.#found, notVerifiable: NOT_VERIFIABLE }
  }

  async region(region: string, keyArn: string): Promise<void> {
    const { roleArn, externalId } = this.#setup
    const assumed = await this.#probe.assumeRole(region, roleArn, externalId)
    if (assumed.verdict === 'allowed') this.#passed(region, 'assume-role', 'The role can be assumed')
    else
      this.#failed(
        region,
        'assume-role',
        'The role can be assumed',
        this.#findings.assumeRefused(region, assumed),
      )
    // the trust policy is the same everywhere, so that what it must refuse is tried once
    if (region === this.#setup.keys[0]?.region)
      await this.#trustIsNarrow(region, assumed.verdict === 'allowed')
    const session = assumed.verdict === 'allowed' ? assumed.value : undefined
    await this.#keyState(region, keyArn, session)
    const ciphertext = await this.#use(region, keyArn, session)
    await this.#useIsNarrow(region, keyArn, ciphertext === undefined ? undefined : session, ciphertext)
  }

  async #trustIsNarrow(region: string, assumable: boolean): Promise<void> {
    const attempts = [
      { id: 'refuses-without-external-id', externalId: undefined, how: 'without an ExternalId' },
      { id: 'refuses-wrong-external-id', externalId: WRONG_EXTERNAL_ID, how: 'with a wrong ExternalId' },
    ]
    for (const { id, externalId, how } of attempts) {
      const title = `The role cannot be assumed ${how}`
      const outcome = await this.#probe.assumeRole(region, this.#setup.roleArn, externalId)
      if (outcome.verdict === 'allowed')
        this.#failed(region, id, title, this.#findings.assumeTooWide(region, how))
      else if (outcome.verdict !== 'refused')
        this.#failed(region, id, title, inconclusive(region, 'sts:AssumeRole', outcome))
      // a role that nobody can assume proves nothing about the condition
      else if (assumable) this.#passed(region, id, title)
      else this.#skipped(region, id, title)
    }
  }

  async #keyState(region: string, keyArn: string, session: RoleSession | undefined): Promise<void> {
    const titles = {
      'describe-key': 'The key can be described',
      'key-enabled': 'The key is enabled',
      'key-kind': 'The key is a symmetric encryption key',
      ...(this.#setup.keys.length > 1 && { 'multi-region': 'The keys are one multi-region key' }),
      rotation: 'The key material is rotated',
    }
    const described = await session?.describeKey(region, keyArn)
    if (described?.verdict !== 'allowed') {
      for (const [id, title] of Object.entries(titles)) {
        if (id !== 'describe-key' || described === undefined) this.#skipped(region, id, title)
        else
          this.#failed(
            region,
            id,
            title,
            this.#findings.keyCallRefused(region, 'kms:DescribeKey', LOOK, described),
          )
      }
      return
    }
    this.#passed(region, 'describe-key', titles['describe-key'])
    const key = described.value
    this.#setting(region, 'key-enabled', titles['key-enabled'], key.state === 'Enabled', {
      detail: `the key in ${region} is in state ${key.state}`,
      remedy:
        key.state === 'PendingDeletion'
          ? 'Call kms:CancelKeyDeletion, then kms:EnableKey.'
          : 'Call kms:EnableKey.',
    })
    this.#setting(
      region,
      'key-kind',
      titles['key-kind'],
      key.usage === 'ENCRYPT_DECRYPT' && key.spec === 'SYMMETRIC_DEFAULT',
      {
        detail: `the key in ${region} is ${key.spec} for ${key.usage}`,
        remedy:
          'Make a new key with KeySpec SYMMETRIC_DEFAULT and KeyUsage ENCRYPT_DECRYPT; these cannot be changed.',
      },
    )
    if (titles['multi-region'] !== undefined) this.#multiRegion(region, titles['multi-region'], key)
    await this.#rotation(region, keyArn, titles.rotation, key, session!)
  }

  #multiRegion(region: string, title: string, key: KeyDescription): void {
    const related = key.multiRegion && key.primaryKeyArn !== undefined && this.#sameKeyId(key.primaryKeyArn)
    this.#setting(region, 'multi-region', title, related, {
      detail: key.multiRegion
        ? `the key in ${region} is a replica of another key (${key.primaryKeyArn})`
        : `the key in ${region} is no multi-region key`,
      remedy:
        'Make a multi-region key in the first region and replicas of it in the others; a key cannot become multi-region later.',
    })
  }

  #sameKeyId(primaryKeyArn: string): boolean {
    const keyId = primaryKeyArn.slice(primaryKeyArn.lastIndexOf('/'))
    return this.#setup.keys.every(({ keyArn }) => keyArn.endsWith(keyId))
  }

  async #rotation(
    region: string,
    keyArn: string,
    title: string,
    key: KeyDescription,
    session: RoleSession,
  ): Promise<void> {
    // AWS rotates only material it made itself, and only keys that are enabled
    if (key.state !== 'Enabled' || key.origin !== 'AWS_KMS') {
      this.#skipped(region, 'rotation', title)
      return
    }
    const outcome = await session.rotationStatus(region, keyArn)
    if (outcome.verdict !== 'allowed') {
      const finding = this.#findings.keyCallRefused(region, 'kms:GetKeyRotationStatus', LOOK, outcome)
      this.#failed(region, 'rotation', title, finding)
      return
    }
    this.#setting(region, 'rotation', title, outcome.value, {
      detail: `automatic rotation is off for the key in ${region}`,
      remedy: 'Call kms:EnableKeyRotation on the primary key; data already encrypted stays readable.',
    })
  }

  async #use(
    region: string,
    keyArn: string,
    session: RoleSession | undefined,
  ): Promise<Uint8Array | undefined> {
    const encrypted = await session?.encrypt(region, keyArn, this.#context)
    this.#must(region, 'encrypt', 'Encrypt is allowed for this organization', 'kms:Encrypt', encrypted)
    const ciphertext = encrypted?.verdict === 'allowed' ? encrypted.value : undefined
    const decrypted = await (ciphertext === undefined
      ? undefined
      : session?.decrypt(region, keyArn, ciphertext, this.#context))
    this.#must(region, 'decrypt', 'Decrypt is allowed for this organization', 'kms:Decrypt', decrypted)
    return ciphertext
  }

  async #useIsNarrow(
    region: string,
    keyArn: string,
    session: RoleSession | undefined,
    ciphertext: Uint8Array | undefined,
  ): Promise<void> {
    const other = { ...this.#context, 'portcullis:organization': `${this.#setup.organization}.other` }
    const attempts: [string, string, (using: RoleSession) => Promise<ProbeOutcome<unknown>>][] = [
      [
        'refuses-other-organization',
        'Encrypt for another organization',
        (using) => using.encrypt(region, keyArn, other),
      ],
      [
        'refuses-decrypt-of-other-organization',
        'Decrypt for another organization',
        (using) => using.decrypt(region, keyArn, ciphertext!, other),
      ],
      [
        'refuses-unknown-context-names',
        'Encrypt with an unknown name in the encryption context',
        (using) => using.encrypt(region, keyArn, { ...this.#context, [UNKNOWN_CONTEXT_NAME]: 'true' }),
      ],
      [
        'refuses-empty-context',
        'Encrypt without encryption context',
        (using) => using.encrypt(region, keyArn, {}),
      ],
      [
        'refuses-data-keys',
        'GenerateDataKey',
        (using) => using.generateDataKey(region, keyArn, this.#context),
      ],
    ]
    for (const [id, what, attempt] of attempts) {
      const title = `${what} is refused`
      const outcome = session === undefined ? undefined : await attempt(session)
      if (outcome === undefined) this.#skipped(region, id, title)
      else if (outcome.verdict === 'refused') this.#passed(region, id, title)
      else if (outcome.verdict === 'unanswered')
        this.#failed(region, id, title, inconclusive(region, what, outcome))
      // an error other than a refusal comes after the permission was found to be there
      else this.#failed(region, id, title, this.#findings.keyCallTooWide(region, what))
    }
  }

  #must(
    region: string,
    id: string,
    title: string,
    action: string,
    outcome: ProbeOutcome<unknown> | undefined,
  ): void {
    if (outcome === undefined) this.#skipped(region, id, title)
    else if (outcome.verdict === 'allowed') this.#passed(region, id, title)
    else this.#failed(region, id, title, this.#findings.keyCallRefused(region, action, USE, outcome))
  }

  #setting(
    region: string,
    id: string,
    title: string,
    holds: boolean,
    otherwise: Pick<VerificationFinding, 'detail' | 'remedy'>,
  ): void {
    if (holds) this.#passed(region, id, title)
    else this.#failed(region, id, title, { kind: 'setting', statements: [], region, ...otherwise })
  }

  #passed(region: string, id: string, title: string): void {
    this.#checks.push({ id, region, title, verdict: 'passed' })
  }

  #skipped(region: string, id: string, title: string): void {
    this.#checks.push({ id, region, title, verdict: 'skipped' })
  }

  #failed(region: string, id: string, title: string, finding: VerificationFinding): void {
    const verdict = finding.kind === 'inconclusive' ? 'inconclusive' : 'failed'
    this.#checks.push({ id, region, title, verdict })
    this.#found.push(finding)
  }
}
