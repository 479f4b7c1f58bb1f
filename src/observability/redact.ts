const DEPTH_MAX = 6
const ENTRIES_MAX = 64
const TEXT_CHARACTERS_MAX = 1_024
const CAUSES_MAX = 5
const STACK_FRAMES_MAX = 12

const REDACTED = '[redacted]'

/** Names of members whose value is never written, whatever it is; compared without case, `-` and `_`. */
const SECRET_NAME =
  /authorization|cookie|token|secret|password|passphrase|signature|credential|apikey|privatekey|accesskey|externalid|plaintext|ciphertext|^(?:body|content|payload|chunk|data|value|key|tenantkey|headers|rawheaders|query|querystring|search|input|iv|nonce|pem|cert|ca)$/

/** Parts of a text that are never written. */
const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic|Negotiate|AWS4-HMAC-SHA256)\s+[^\s"'][^\r\n"']*/gi, '$1 [redacted]'],
  [
    /([?&;]|\b)(x-amz-(?:signature|credential|security-token)|awsaccesskeyid|signature|sig|token|access_token)=[^&\s"'#]*/gi,
    '$1$2=[redacted]',
  ],
  [
    /((?:portcullis-|proxy-)?authorization|x-amz-security-token|(?:set-)?cookie)\s*[:=]\s*[^\r\n]*/gi,
    '$1: [redacted]',
  ],
  [/\b((?:AKIA|ASIA)[A-Z0-9]{4})[A-Z0-9]{8,}/g, '$1…'],
  [/-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g, '[redacted PEM]'],
  [/~pc1~[\w-]+/g, '[envelope]'],
]

/** A query in an absolute or relative URL within a text: names stay, values go. */
const QUERY = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s"'?#]*|\/[^\s"'?#]*)\?([^\s"']*)/gi
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']*@/gi

/** A text as it may stand in a log line. */
export function redactText(text: string): string {
  let shown = text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}…` : text
  for (const [pattern, replacement] of SECRET_TEXTS) shown = shown.replace(pattern, replacement)
  return shown
    .replace(USER_INFO, '$1')
    .replace(QUERY, (_, path: string, query: string) => `${path}?${queryNames(query)}`)
}

function queryNames(query: string): string {
  return query
    .split('&')
    .slice(0, ENTRIES_MAX)
    .map((pair) => {
      const [name, value] = pair.split('=', 2)
      // What stands for a name may itself be free text, and what has no value surely is.
      return value !== undefined && /^[\w.~[\]-]{1,64}$/.test(name!) ? `${name}=…` : '…'
    })
    .join('&')
}

/** A value as it may stand in a log line: secrets, bytes and bodies left out, depth and length bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return redactError(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof URL) return redactText(value.href)
  if (depth >= DEPTH_MAX) return '[deeper]'
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((element) => redact(element, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  // Requests, sockets and the like hold everything there is; only plain data is walked.
  if (prototype !== Object.prototype && prototype !== null) return `[${value.constructor?.name ?? 'object'}]`
  const shown: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value).slice(0, ENTRIES_MAX)) {
    shown[name] = isSecretName(name) ? REDACTED : redact(member, depth + 1)
  }
  return shown
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_]/g, ''))
}

/** An error as it may stand in a log line. */
export interface RedactedError {
  readonly type: string
  readonly code?: string
  readonly message: string
  readonly stack?: string
  readonly cause?: RedactedError | string
}

/** An error without what its message may repeat of its input, and with its causes. */
export function redactError(error: unknown, causes = 0): RedactedError {
  if (!(error instanceof Error)) return { type: typeof error, message: '[not an error]' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code.slice(0, 64) : undefined
  const cause = error.cause
  return {
    type: error.name.slice(0, 64),
    ...(code === undefined ? {} : { code }),
    message: errorMessage(error),
    ...(error.stack === undefined ? {} : { stack: frames(error.stack) }),
    ...(cause instanceof Error && causes < CAUSES_MAX ? { cause: redactError(cause, causes + 1) } : {}),
  }
}

function errorMessage(error: Error): string {
  // JSON.parse repeats the text around the fault, and regular expressions the pattern.
  if (error instanceof SyntaxError) return '[syntax error]'
  // Messages quote what they complain about: `Received 'hello'`, `Unexpected token "x"`.
  const unquoted = error.message
    .replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '…')
    .replace(/\b(received)\b[\s\S]*$/i, '$1 …')
  return redactText(unquoted.split('\n', 1)[0]!)
}

function frames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, STACK_FRAMES_MAX)
    .map((line) => line.trim().slice(0, 256))
    .join('\n')
}

const HARMLESS_PATH = /^(?:\/[\w.~:@-]{0,64})*$/

/** A request path as it may stand in a log line: no query, segments that could be free text masked. */
export function redactPath(target: string): string {
  const queryAt = target.search(/[?#]/)
  const path = (queryAt === -1 ? target : target.slice(0, queryAt)).slice(0, 512)
  if (HARMLESS_PATH.test(path)) return path
  return path
    .split('/')
    .map((segment) => (/^[\w.~:@-]{0,64}$/.test(segment) ? segment : '…'))
    .join('/')
}
