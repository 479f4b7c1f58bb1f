import type { DomainKeySet, DomainModel, Placed } from '../domain-model.ts'
import { quoted, type RuleFinding } from '../finding.ts'
import { type Location, LOCATIONS, locationById, locationsOfRegion } from '../locations.ts'
import { duplicates, refuse } from './rule.ts'

const KEY_ARN =
  /^arn:(aws[\w-]*):kms:([a-z0-9-]+):(\d{12}):key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const ROLE_ARN = /^arn:(aws[\w-]*):iam::(\d{12}):role\/((?:[\x21-\x7e]{1,510}\/)?[\w+=,.@-]{1,64})$/
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d{1,2}$/

interface KeySetOwner {
  /** `organizations` entry or `vendorKeys` entry, for messages. */
  readonly whose: 'customer' | 'vendor'
  readonly location: Placed<string> | undefined
  readonly set: DomainKeySet
}

/** Every key set of the file with the location it has to fit. */
function keySetOwners(model: DomainModel): KeySetOwner[] {
  const customers = model.organizations.flatMap((organization): KeySetOwner[] =>
    organization.byok === undefined
      ? []
      : [{ whose: 'customer', location: organization.location, set: organization.byok }],
  )
  const vendors = model.vendorKeys.map((set): KeySetOwner => ({
    whose: 'vendor',
    location: set.location,
    set,
  }))
  return [...customers, ...vendors]
}

/** Locations are known ones. */
export function knownLocations(model: DomainModel): RuleFinding[] {
  const locations = [...model.organizations, ...model.vendorKeys].map((entry) => entry.location)
  return locations.flatMap((location) => {
    if (location === undefined || locationById(location.value) !== undefined) return []
    const { value, path } = location
    const wanted = value.toLowerCase().replaceAll(/[\s_]+/g, '-')
    const near = LOCATIONS.find((known) => known.id === wanted)
    const byRegion = locationsOfRegion(value)
    const remedy =
      near !== undefined
        ? `Write ${near.id}`
        : byRegion.length > 0
          ? `That is a region; locations with it: ${byRegion.map((known) => known.id).join(', ')}`
          : `Choose one of ${LOCATIONS.map((known) => known.id).join(', ')}`
    return [refuse('location', path, `${quoted(value)} is not a location`, remedy)]
  })
}

/** Account IDs have exactly 12 digits. */
export function accountIds(model: DomainModel): RuleFinding[] {
  return keySetOwners(model).flatMap(({ set }) => {
    if (set.accountId === undefined || isAccountId(set.accountId.value)) return []
    const { value, path } = set.accountId
    const remedy =
      'Write the 12 digits of the AWS account, in quotes, as the AWS console shows them without hyphens'
    return [refuse('account-id', path, accountIdReason(value), remedy)]
  })
}

function isAccountId(value: string): boolean {
  return /^\d{12}$/.test(value)
}

function accountIdReason(value: string): string {
  if (/\s/.test(value)) return 'an AWS account ID has no spaces'
  if (/[A-Za-z]/.test(value)) return 'an AWS account ID has no letters'
  if (/\D/.test(value)) return 'an AWS account ID has nothing but digits'
  return `an AWS account ID has 12 digits, this one has ${value.length}`
}

/** Role ARNs are well-formed and belong to the account of their key set. */
export function roleArns(model: DomainModel): RuleFinding[] {
  return keySetOwners(model).flatMap(({ set }) => {
    if (set.roleArn === undefined) return []
    const { value, path } = set.roleArn
    const match = ROLE_ARN.exec(value)
    if (match === null) {
      const form = 'Write it as arn:aws:iam::<account ID>:role/<name>'
      return [refuse('role-arn', path, `${quoted(value)} is not the ARN of an IAM role`, form)]
    }
    const findings = partitionFindings(match[1]!, path)
    const account = set.accountId?.value
    if (account !== undefined && isAccountId(account) && match[2] !== account) {
      const reason = `the role belongs to account ${match[2]} and not to ${account}`
      findings.push(refuse('role-account', path, reason, `Name a role of account ${account}`))
    }
    return findings
  })
}

/** ExternalIds are well-formed, and no two key sets share one (confused deputy). */
export function externalIds(model: DomainModel): RuleFinding[] {
  const all = keySetOwners(model).map(({ set }) => set.externalId)
  const malformed = all.flatMap((externalId) => {
    if (externalId === undefined || EXTERNAL_ID.test(externalId.value)) return []
    const reason =
      externalId.value.length < 2 || externalId.value.length > 1224
        ? 'an ExternalId has 2 to 1224 characters'
        : 'an ExternalId has only letters, digits and _ + = , . @ : / -'
    return [
      refuse('external-id', externalId.path, reason, 'Generate one, for example with `openssl rand -hex 16`'),
    ]
  })
  const shared = duplicates(all, (later, earlier) =>
    refuse(
      'external-id-shared',
      later.path,
      `${earlier} is the same ExternalId`,
      'Give every organization one of its own: with a shared one, one customer could point the gateway at the role of another',
    ),
  )
  return [...malformed, ...shared]
}

/** There is a key for every region of the location and for no other region. */
export function keyRegions(model: DomainModel): RuleFinding[] {
  return keySetOwners(model).flatMap(({ location, set }) => {
    const known = location === undefined ? undefined : locationById(location.value)
    if (known === undefined || set.keys === undefined) return []
    const present = new Set(set.keys.value.map((key) => key.region))
    const findings = known.regions
      .filter((region) => !present.has(region))
      .map((region) => refuse('key-region-missing', set.keys!.path, ...missingRegion(known, region, present)))
    for (const key of set.keys.value) {
      if (known.regions.includes(key.region)) continue
      findings.push({
        ...refuse('key-region-outside', key.arn.path, ...outsideRegion(known, key.region)),
        atKey: true,
      })
    }
    return findings
  })
}

function missingRegion(location: Location, region: string, present: ReadonlySet<string>): [string, string] {
  const reason = `there is no key for ${region}; location ${location.id} needs one in ${location.regions.join(' and ')}`
  const fitting = LOCATIONS.find(
    (other) => other.regions.length === present.size && other.regions.every((region) => present.has(region)),
  )
  const other =
    fitting === undefined
      ? ''
      : `, or choose location ${fitting.id} if data is to stay in ${fitting.regions.join(' and ')}`
  return [reason, `Add the ARN of the key in ${region} (a replica of the multi-region key)${other}`]
}

function outsideRegion(location: Location, region: string): [string, string] {
  const remedy = `Location ${location.id} has only ${location.regions.join(' and ')}`
  if (!REGION.test(region)) return [`${quoted(region)} is not an AWS region`, remedy]
  const homes = locationsOfRegion(region).map((home) => home.id)
  const where = homes.length === 0 ? 'and no location has it' : `it belongs to ${homes.join(' and ')}`
  return [`region ${region} is outside location ${location.id}: ${where}`, remedy]
}

/** Key ARNs are well-formed and agree with the region they stand under and with the account. */
export function keyArns(model: DomainModel): RuleFinding[] {
  return keySetOwners(model).flatMap(({ set }) =>
    (set.keys?.value ?? []).flatMap(({ region, arn }) => {
      const match = KEY_ARN.exec(arn.value)
      if (match === null) return [malformedKeyArn(arn)]
      const findings = partitionFindings(match[1]!, arn.path)
      if (match[2] !== region) {
        const reason = `the key is in ${match[2]} but stands under ${region}`
        findings.push(refuse('key-arn-region', arn.path, reason, `Name the key in ${region}`))
      }
      const account = set.accountId?.value
      if (account !== undefined && isAccountId(account) && match[3] !== account) {
        const reason = `the key belongs to account ${match[3]} and not to ${account}`
        findings.push(refuse('key-arn-account', arn.path, reason, `Name a key of account ${account}`))
      }
      return findings
    }),
  )
}

function malformedKeyArn(arn: Placed<string>): RuleFinding {
  const form = 'Write it as arn:aws:kms:<region>:<account ID>:key/<key ID>'
  if (/^arn:[\w-]+:kms:[^:]*:[^:]*:alias\//.test(arn.value)) {
    const reason = 'this is an alias, which can be pointed at another key'
    return refuse('key-arn', arn.path, reason, `${form} (\`aws kms describe-key\` shows the ARN)`)
  }
  return refuse('key-arn', arn.path, `${quoted(arn.value)} is not the ARN of a KMS key`, form)
}

function partitionFindings(partition: string, path: RuleFinding['path']): RuleFinding[] {
  if (partition === 'aws') return []
  const reason = `partition ${partition} has none of the locations`
  return [refuse('arn-partition', path, reason, 'Use an ARN that begins with arn:aws:')]
}

/** No two authorities rest on one key, a replica of it included: revoking one would cut the other. */
export function distinctKeys(model: DomainModel): RuleFinding[] {
  const owners = new Map<string, number>()
  return keySetOwners(model).flatMap(({ set }, owner) =>
    (set.keys?.value ?? []).flatMap(({ arn }) => {
      const match = KEY_ARN.exec(arn.value)
      if (match === null) return []
      const identity = match[4]!.startsWith('mrk-') ? `${match[3]}/${match[4]}` : arn.value
      const first = owners.get(identity) ?? owners.set(identity, owner).get(identity)
      if (first === owner) return []
      const reason = 'this key is also the root key of another entry'
      const remedy = 'Use a key of its own for each: disabling a shared key would suspend both'
      return [refuse('key-shared', arn.path, reason, remedy)]
    }),
  )
}

/** The keys of a customer are not in the account of the vendor, who could then use them alone. */
export function separateAccounts(model: DomainModel): RuleFinding[] {
  const vendors = new Set(model.vendorKeys.map((set) => set.accountId?.value))
  return model.organizations.flatMap(({ byok }) => {
    if (byok?.accountId === undefined || !vendors.has(byok.accountId.value)) return []
    const reason = 'this is the account of the vendor, not of the customer'
    const remedy = "Use the customer's own AWS account, or leave byok out: then vendor keys are used"
    return [refuse('account-vendor', byok.accountId.path, reason, remedy)]
  })
}

/** A location has its vendor keys once. */
export function vendorKeysOnce(model: DomainModel): RuleFinding[] {
  return duplicates(
    model.vendorKeys.map((set) => set.location),
    (later, earlier) =>
      refuse(
        'vendor-keys-duplicate',
        later.path,
        `${earlier} has the keys of this location`,
        'Keep one of the two',
      ),
  )
}
