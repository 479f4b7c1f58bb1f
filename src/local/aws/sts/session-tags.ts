import { AwsError } from '../aws-error.ts'
import type { Principal, SessionTags } from '../principal.ts'
import type { Form } from '../query/form.ts'

const TAGS_MAX = 50
const KEY_CHARACTERS_MAX = 128
const VALUE_CHARACTERS_MAX = 256

/**
 * The tags of a new session: those of the request, and the transitive ones of the calling session, which no
 * request may override. Throws `InvalidParameterValue` in AWS's words; tag keys ignore case.
 */
export function readSessionTags(principal: Principal, form: Form): SessionTags {
  const tags: Record<string, string> = {}
  const seen = new Set<string>()
  for (const entry of form.structures('Tags', TAGS_MAX)) {
    const { Key: key = '', Value: value = '' } = entry
    if (key.length === 0 || key.length > KEY_CHARACTERS_MAX || value.length > VALUE_CHARACTERS_MAX) {
      throw invalid('A session tag key has 1 to 128 characters, its value at most 256.')
    }
    if (seen.has(key.toLowerCase())) {
      throw invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
    }
    seen.add(key.toLowerCase())
    tags[key] = value
  }
  const transitiveKeys = form.structures('TransitiveTagKeys', TAGS_MAX).map((entry) => entry[''] ?? '')
  if (transitiveKeys.some((key) => !seen.has(key.toLowerCase()))) {
    throw invalid('The specified transitive tag key must be included in the requested tags.')
  }
  return inherit(principal.session?.tags, { tags, transitiveKeys }, seen)
}

function inherit(
  parent: SessionTags | undefined,
  own: SessionTags,
  requested: ReadonlySet<string>,
): SessionTags {
  const inherited = parent?.transitiveKeys ?? []
  if (inherited.some((key) => requested.has(key.toLowerCase()))) {
    throw invalid(
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the " +
        'calling session.',
    )
  }
  const tags = { ...own.tags }
  for (const key of inherited) tags[key] = parent?.tags[key] ?? ''
  return { tags, transitiveKeys: [...own.transitiveKeys, ...inherited] }
}

function invalid(message: string): AwsError {
  return new AwsError('InvalidParameterValue', message)
}
