import { AwsError } from '../aws-error.ts'
import type { Call } from '../call.ts'
import type { ConditionValues } from '../policy/condition.ts'
import type { RegionalKey, Tag } from '../state/model.ts'
import type { Input } from './input.ts'
import { requireNotPendingDeletion } from './key.ts'
import { findKey } from './lookup.ts'
import type { KmsOperation } from './operation.ts'
import { page } from './page.ts'
import { requireKeyPermission } from './permission.ts'

const TAGS_MAX = 50
const LISTED_TAGS_MAX = 200
const KEY_RULE = { min: 1, max: 128 }
const VALUE_RULE = { max: 256 }

/** Reads and checks the `Tags` of a request. */
export function readTags(input: Input): Tag[] {
  const tags = (input.structures('Tags', LISTED_TAGS_MAX) ?? []).map((entry) => ({
    key: entry.requiredText('TagKey', KEY_RULE),
    value: entry.requiredText('TagValue', VALUE_RULE),
  }))
  if (tags.length > TAGS_MAX) throw tagException('Too many tags')
  if (tags.some(({ key }) => /^aws:/i.test(key))) throw tagException('Tags beginning with aws: are reserved')
  if (new Set(tags.map(({ key }) => key)).size < tags.length) throw tagException('Duplicate tag keys')
  return tags
}

/** Condition keys `aws:RequestTag/…` and `aws:TagKeys`. */
export function requestTagValues(tags: readonly Tag[]): ConditionValues {
  const values: Record<string, string | readonly string[]> = {}
  for (const { key, value } of tags) values[`aws:requesttag/${key.toLowerCase()}`] = value
  if (tags.length > 0) values['aws:tagkeys'] = tags.map(({ key }) => key)
  return values
}

/** TagResource: adds tags or replaces their values. */
export const tagResource: KmsOperation = (call, input) => {
  const tags = readTags(input)
  const key = taggedKey(call, input, requestTagValues(tags))
  const merged = new Map(key.tags.map((tag) => [tag.key, tag.value]))
  for (const tag of tags) merged.set(tag.key, tag.value)
  if (merged.size > TAGS_MAX) throw tagException('Too many tags')
  key.tags = [...merged].map(([name, value]) => ({ key: name, value }))
  call.file.touch()
  return undefined
}

/** UntagResource. */
export const untagResource: KmsOperation = (call, input) => {
  const names = input.texts('TagKeys', LISTED_TAGS_MAX, KEY_RULE)
  const key = taggedKey(call, input, names.length > 0 ? { 'aws:tagkeys': names } : {})
  key.tags = key.tags.filter((tag) => !names.includes(tag.key))
  call.file.touch()
  return undefined
}

/** ListResourceTags. */
export const listResourceTags: KmsOperation = (call, input) => {
  const key = findKey(call, input.keyId(), { alias: false, crossAccount: false })
  requireKeyPermission(call, key)
  const tags = key.tags.map((tag) => ({ TagKey: tag.key, TagValue: tag.value }))
  return page(input, tags, 'Tags', 50, 50)
}

function taggedKey(call: Call, input: Input, values: ConditionValues): RegionalKey {
  const key = findKey(call, input.keyId(), { alias: false, crossAccount: false })
  requireKeyPermission(call, key, { values })
  requireNotPendingDeletion(key)
  return key
}

function tagException(message: string): AwsError {
  return new AwsError('TagException', message)
}
