import { z } from 'zod'
import { APP_TYPES } from '../app-types.ts'
import { LOCATIONS } from '../locations.ts'
import { flag, listOf, noted, optionalSection, optionalText, text, texts } from '../option.ts'

// The rules of the domain say how long these may be, with better words than a ceiling; this one only bounds input.
const RULED_CHARACTERS_MAX = 4096

const regionalKeys = (example: Readonly<Record<string, string>>, reason: string) =>
  noted(z.record(z.string().max(64), z.string().min(1).max(2048)), {
    type: 'KMS key ARN by region, one for every region of the location',
    example,
    reason,
  })

const location = (reason: string) =>
  text({
    charactersMax: 64,
    type: `one of ${LOCATIONS.map((location) => location.id).join(', ')}`,
    example: 'europe',
    reason,
  })

const accountId = (example: string, reason: string) =>
  text({ charactersMax: 64, type: 'AWS account ID, 12 digits in quotes', example, reason })

const byok = optionalSection(
  {
    accountId: accountId('111122223333', 'The AWS account of the customer, which owns the keys.'),
    roleArn: text({
      charactersMax: 2048,
      type: 'IAM role ARN in that account',
      example: 'arn:aws:iam::111122223333:role/portcullis-acme',
      reason: 'The role that is assumed for every use of the keys; denying it revokes.',
    }),
    externalId: text({
      charactersMax: RULED_CHARACTERS_MAX,
      type: 'ExternalId of the trust policy, 2 to 1224 characters, different for every organization',
      example: 'acme-5f1c7d0e9b3a4286',
      reason: 'Keeps one customer from pointing the gateway at the role of another (confused deputy).',
    }),
    keys: regionalKeys(
      {
        'eu-central-1': 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab',
        'eu-west-1': 'arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab',
      },
      'The root keys of the customer.',
    ),
  },
  'The one BYOK configuration of the organization. Absent, all its apps are encrypted under vendor keys.',
)

const sites = listOf(
  {
    name: text({
      charactersMax: RULED_CHARACTERS_MAX,
      type: 'lower-case letters, digits and hyphens, unique among all organizations',
      example: 'acme',
      reason: 'What `Portcullis-Tenant` names. Binds every ciphertext: never rename a site that holds data.',
    }),
    hosts: texts({
      charactersMax: 253,
      entriesMin: 0,
      entriesMax: 64,
      type: 'host names without port',
      example: ['acme.gateway.example'],
      reason: 'Host names that select the site when no header does.',
    }),
    apps: listOf(
      {
        type: noted(z.enum(APP_TYPES), {
          type: `one of ${APP_TYPES.join(', ')}`,
          example: 'jira',
          reason: 'The product.',
        }),
        byok: flag({
          default: false,
          example: true,
          reason:
            'Encrypts under the key of the customer instead of a vendor key. Decided at birth: it can never be changed, and is taken only when asked for.',
        }),
      },
      { entriesMax: APP_TYPES.length, reason: 'Product instances on the site, each type once.' },
    ),
  },
  { entriesMax: 10_000, reason: 'Sites of the organization.' },
)

/** The customers. */
export const organizations = listOf(
  {
    id: text({
      charactersMax: RULED_CHARACTERS_MAX,
      type: 'lower-case letters, digits and hyphens, unique',
      example: 'acme',
      reason: 'Stable identifier. Binds every ciphertext and names the authority: never change it.',
    }),
    name: optionalText({
      charactersMax: 256,
      type: 'text',
      example: 'Acme Corporation',
      reason: 'For people.',
    }),
    location: location('Where keys and app data live. Never changes after provisioning.'),
    managedBy: noted(z.enum(['file', 'api']).default('file'), {
      type: 'file or api',
      default: 'file',
      reason:
        'api hands it over: at the next start the registry takes it as it stands here, the admin API manages it from then on, and this entry no longer counts. There is no way back.',
    }),
    byok,
    sites,
  },
  { entriesMax: 100_000, reason: 'Customers, their keys and their sites.' },
)

/** The vendor's own root keys. */
export const vendorKeys = listOf(
  {
    location: location('The location these keys serve; each at most once.'),
    accountId: accountId('999988887777', 'The own AWS account of the vendor.'),
    roleArn: text({
      charactersMax: 2048,
      type: 'IAM role ARN in that account',
      example: 'arn:aws:iam::999988887777:role/portcullis-vendor-keys',
      reason: 'The role that is assumed for these keys.',
    }),
    externalId: text({
      charactersMax: RULED_CHARACTERS_MAX,
      type: 'ExternalId of the trust policy, 2 to 1224 characters',
      example: 'vendor-5b0a8d6c3e1f4729',
      reason: 'As for customers.',
    }),
    keys: regionalKeys(
      {
        'eu-central-1': 'arn:aws:kms:eu-central-1:999988887777:key/mrk-99aabbccddee4f00a1b2c3d4e5f60718',
        'eu-west-1': 'arn:aws:kms:eu-west-1:999988887777:key/mrk-99aabbccddee4f00a1b2c3d4e5f60718',
      },
      'Root keys that all apps without BYOK in the location share; each app still has tenant keys of its own.',
    ),
  },
  {
    entriesMax: LOCATIONS.length,
    reason:
      'The keys of the vendor, for apps that are not BYOK; needed for each location that has such an app.',
  },
)
