import type { ConfigPath, RuleFinding } from './finding.ts'
import { quoted } from './finding.ts'
import type { RemovedOption } from './schema.ts'

const SECRET_NAMES = new Set([
  'token',
  'secret',
  'password',
  'passphrase',
  'value',
  'bearer',
  'key',
  'apikey',
  'credential',
])
const SECRET_PARENTS = new Set(['tokens', 'credentials'])

/** Why a key is refused: its option is gone, it holds a secret, or there is no such option. */
export function unknownKeyFinding(
  parent: ConfigPath,
  key: string,
  known: readonly string[],
  removed: readonly RemovedOption[],
): RuleFinding {
  const place = { severity: 'error', path: [...parent, key], atKey: true } as const
  const dotted = [...parent, key].filter((part) => typeof part === 'string').join('.')
  const successor = removed.find((option) => option.path === dotted)?.successor
  if (successor !== undefined) {
    return {
      ...place,
      rule: 'removed-option',
      reason: 'this option is gone',
      remedy: `Use ${successor} instead`,
    }
  }
  const holder = parent.findLast((part) => typeof part === 'string')
  if (holder !== undefined && SECRET_PARENTS.has(holder) && SECRET_NAMES.has(key.toLowerCase())) {
    return {
      ...place,
      rule: 'literal-secret',
      reason: 'a secret must not stand in the configuration',
      remedy: `Refer to it: ${known.filter((name) => /^(?:env|file|sha256|\w+Key|\w+Token)$/.test(name)).join(', ')}`,
    }
  }
  const near = nearest(key, known)
  const remedy = near === undefined ? `Known here: ${known.join(', ')}` : `Did you mean ${near}?`
  return {
    ...place,
    rule: 'unknown-key',
    reason: `there is no option ${quoted(key)}`,
    remedy: remedy.replace(/\?$/, ''),
  }
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: editDistance(key.slice(0, 64).toLowerCase(), name.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(best.name.length / 3))
    ? best.name
    : undefined
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= right.length; j += 1) {
      const substitution = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}
