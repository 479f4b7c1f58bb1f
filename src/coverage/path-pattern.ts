/**
 * One step of a path pattern.
 *
 * - `name`: the member of exactly this name
 * - `glob`: any member whose name begins, continues and ends with `parts`, with anything in between
 * - `element`: every element of an array
 * - `any-depth`: zero or more members or elements
 */
export type PathStep =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'glob'; readonly parts: readonly string[] }
  | { readonly kind: 'element' }
  | { readonly kind: 'any-depth' }

const STEPS_MAX = 32
const PATTERN_CHARACTERS_MAX = 1_024

/**
 * Parses a path pattern. A pattern names a value and everything below it.
 *
 * | pattern                       | names                                                                  |
 * |-------------------------------|------------------------------------------------------------------------|
 * | `$`                           | the entity itself                                                      |
 * | `fields.summary`              | member `summary` of the object in member `fields`                      |
 * | `fields.customfield_*`        | every member of `fields` whose name starts with `customfield_`         |
 * | `fields.*`                    | every member of `fields`                                               |
 * | `issues[].fields.summary`     | `fields.summary` of every element of the array in `issues`             |
 * | `[].id`                       | `id` of every element of a document that is an array                   |
 * | `**.body.storage.value`       | `body.storage.value` at any depth, through objects and arrays          |
 * | `labels."a.b*"`               | a member whose name holds dots, stars or brackets, as a JSON string    |
 *
 * Throws an `Error` with a message for the file's author.
 */
export function parsePathPattern(pattern: string): readonly PathStep[] {
  if (pattern.length > PATTERN_CHARACTERS_MAX) throw new Error('the path is too long')
  if (pattern === '$') return []
  const steps: PathStep[] = []
  let at = 0
  while (at < pattern.length) {
    if (pattern.startsWith('[]', at)) {
      steps.push({ kind: 'element' })
      at += 2
      continue
    }
    if (steps.length > 0) {
      if (pattern[at] !== '.') throw new Error(`expected "." or "[]" at character ${at + 1} of "${pattern}"`)
      at++
    }
    const end = pattern[at] === '"' ? endOfQuoted(pattern, at) : endOfName(pattern, at)
    steps.push(parseMember(pattern, pattern.slice(at, end)))
    at = end
  }
  if (steps.length === 0) throw new Error('the path is empty; "$" names the entity itself')
  if (steps.length > STEPS_MAX) throw new Error(`a path has at most ${STEPS_MAX} steps`)
  return steps
}

function parseMember(pattern: string, token: string): PathStep {
  if (token === '**') return { kind: 'any-depth' }
  if (token.startsWith('"')) {
    try {
      return { kind: 'name', name: JSON.parse(token) as string }
    } catch {
      throw new Error(`the quoted name in "${pattern}" is not a JSON string`)
    }
  }
  if (token === '') throw new Error(`"${pattern}" has an empty name; quote it as "" if it is meant`)
  if (/["[\]$\s]/.test(token)) throw new Error(`the name ${token} in "${pattern}" has to be quoted`)
  if (token.includes('**')) throw new Error(`"**" in "${pattern}" has to stand alone between dots`)
  return token.includes('*') ? { kind: 'glob', parts: token.split('*') } : { kind: 'name', name: token }
}

function endOfName(pattern: string, start: number): number {
  let at = start
  while (at < pattern.length && pattern[at] !== '.' && pattern[at] !== '[') at++
  return at
}

function endOfQuoted(pattern: string, start: number): number {
  let at = start + 1
  while (at < pattern.length && pattern[at] !== '"') at += pattern[at] === '\\' ? 2 : 1
  if (at >= pattern.length) throw new Error(`"${pattern}" has a quote that is not closed`)
  return at + 1
}
