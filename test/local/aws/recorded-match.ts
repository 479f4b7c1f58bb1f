/** What the placeholders of one recorded case stand for so far. */
export type Bindings = Map<string, string>

const BASE64_PLACEHOLDERS = new Set([
  'ciphertext-blob',
  'plaintext',
  'public-key',
  'import-token',
  'shared-secret',
  'private-key-ciphertext-blob',
  'private-key-plaintext',
  '<signature>',
  '<mac>',
])
const REGIONS: Readonly<Record<string, string>> = {
  '<region>': 'us-east-1',
  '<secondary-region>': 'ap-southeast-1',
}

/**
 * Where `actual` differs from `recorded`, as paths with both values; empty when it holds. Placeholders with a
 * number stand for the same value throughout a case; every member must be there, and none beyond.
 */
export function differences(recorded: unknown, actual: unknown, bindings: Bindings, path = '$'): string[] {
  if (typeof recorded === 'string') return differsAsText(recorded, actual, bindings, path)
  if (Array.isArray(recorded)) {
    if (!Array.isArray(actual) || actual.length !== recorded.length) return [mismatch(path, recorded, actual)]
    return recorded.flatMap((entry, index) =>
      differences(entry, actual[index], bindings, `${path}[${index}]`),
    )
  }
  if (typeof recorded !== 'object' || recorded === null) {
    return recorded === actual ? [] : [mismatch(path, recorded, actual)]
  }
  // policies are recorded parsed but travel as text
  const parsed: unknown = typeof actual === 'string' && actual.startsWith('{') ? JSON.parse(actual) : actual
  if (typeof parsed !== 'object' || parsed === null) return [mismatch(path, recorded, actual)]
  return differsAsRecord(
    recorded as Record<string, unknown>,
    parsed as Record<string, unknown>,
    bindings,
    path,
  )
}

function differsAsRecord(
  recorded: Record<string, unknown>,
  actual: Record<string, unknown>,
  bindings: Bindings,
  path: string,
): string[] {
  const found: string[] = []
  const isError = 'Error' in recorded
  for (const name of new Set([...Object.keys(recorded), ...Object.keys(actual)])) {
    if (name === 'HTTPHeaders' || actual[name] === recorded[name]) continue
    // boto3 shows `message` a second time for modelled errors only
    if (isError && name === 'message' && recorded[name] === undefined) continue
    if (recorded[name] === undefined && name === 'ResponseMetadata') continue
    found.push(...differences(recorded[name], actual[name], bindings, `${path}.${name}`))
  }
  return found
}

function differsAsText(recorded: string, actual: unknown, bindings: Bindings, path: string): string[] {
  if (recorded === 'datetime' || recorded === '<datetime>') {
    const isTime = typeof actual === 'number' || actual instanceof Date
    return isTime ? [] : [mismatch(path, recorded, actual)]
  }
  if (typeof actual !== 'string') return [mismatch(path, recorded, actual)]
  if (BASE64_PLACEHOLDERS.has(recorded)) {
    return /^[A-Za-z0-9+/]+={0,2}$/.test(actual) ? [] : [mismatch(path, recorded, actual)]
  }
  const names: string[] = []
  const pattern = recorded
    .split(/(<[a-z-]+(?::\d+)?>)/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      if (part === '<partition>') return 'aws'
      const fixed = bindings.get(part) ?? REGIONS[part]
      if (fixed !== undefined && (/:\d+>$/.test(part) || part in REGIONS)) {
        return fixed.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      }
      names.push(part)
      return '(.+)'
    })
    .join('')
  const match = new RegExp(`^${pattern}$`, 's').exec(actual)
  if (!match) return [mismatch(path, recorded, actual)]
  names.forEach((name, index) => bindings.set(name, match[index + 1] ?? ''))
  return []
}

function mismatch(path: string, recorded: unknown, actual: unknown): string {
  return `${path}: recorded ${JSON.stringify(recorded)}, got ${JSON.stringify(actual)}`
}
