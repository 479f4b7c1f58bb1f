import { noted, parsed, Refusal } from '../option.ts'

/** Where a secret is kept; the configuration itself never holds one. */
export type SecretReference = { readonly env: string } | { readonly file: string }

const REMEDY = 'Refer to it with { env: NAME } or { file: PATH }'
const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const PATH_CHARACTERS_MAX = 1024

/** A key that refers to a secret. */
export function secret(options: { example: SecretReference; reason: string }) {
  return noted(parsed(readSecretReference), {
    type: '{ env: NAME } or { file: PATH }',
    example: options.example,
    reason: options.reason,
  })
}

/** A key that refers to a secret and may be left out. */
export function optionalSecret(options: { example: SecretReference; reason: string }) {
  return noted(parsed(readSecretReference).optional(), {
    type: '{ env: NAME } or { file: PATH }, absent unless written',
    example: options.example,
    reason: options.reason,
  })
}

/** Reads a reference to a secret; refuses the secret itself. */
export function readSecretReference(input: unknown): SecretReference | Refusal {
  if (typeof input === 'string' || typeof input === 'number') {
    return new Refusal('literal-secret', 'a secret must not stand in the configuration', REMEDY)
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return new Refusal('type', 'a reference to a secret is expected', REMEDY)
  }
  const entries = Object.entries(input)
  const [name, value] = entries[0] ?? []
  if (entries.length !== 1 || (name !== 'env' && name !== 'file')) {
    return new Refusal('type', 'a reference to a secret has exactly one key, env or file', REMEDY)
  }
  if (name === 'env') {
    if (typeof value === 'string' && ENVIRONMENT_NAME.test(value)) return { env: value }
    return new Refusal(
      'type',
      'this is not the name of an environment variable',
      'Use letters, digits and underscores',
    )
  }
  if (typeof value === 'string' && value !== '' && value.length <= PATH_CHARACTERS_MAX) return { file: value }
  return new Refusal(
    'type',
    'this is not the path of a file',
    `Write a path of at most ${PATH_CHARACTERS_MAX} characters`,
  )
}
