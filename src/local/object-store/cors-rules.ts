import { S3Error } from '../../protocol/s3/errors.ts'
import type { XmlElement } from '../../protocol/s3/xml-reader.ts'
import { childText } from '../../protocol/s3/xml-reader.ts'
import type { XmlFields } from '../../protocol/s3/xml-writer.ts'

const RULES_MAX = 100
const METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])

/** A rule of a bucket's CORS configuration: what pages of other origins may ask for. */
export interface CorsRule {
  readonly id: string | undefined
  /** Each with one `*` at most, as are `headers`. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  readonly headers: readonly string[]
  readonly exposed: readonly string[]
  readonly maxAgeSeconds: number | undefined
}

/** Reads a `CORSConfiguration`. Throws `MalformedXML`, or `InvalidRequest` for a rule that says what is not possible. */
export function readCorsRules(root: XmlElement): CorsRule[] {
  const rules = root.children.map(ruleOf)
  if (root.name !== 'CORSConfiguration' || rules.length === 0 || rules.length > RULES_MAX) {
    throw new S3Error('MalformedXML')
  }
  return rules
}

function ruleOf(element: XmlElement): CorsRule {
  const texts = (name: string): string[] =>
    element.children.filter((child) => child.name === name).map(({ text }) => text)
  const [origins, methods, headers] = [texts('AllowedOrigin'), texts('AllowedMethod'), texts('AllowedHeader')]
  const age = childText(element, 'MaxAgeSeconds')
  if (element.name !== 'CORSRule' || origins.length === 0 || methods.length === 0)
    throw new S3Error('MalformedXML')
  if (age !== undefined && !/^\d{1,9}$/.test(age)) throw new S3Error('MalformedXML')
  for (const method of methods) {
    if (METHODS.has(method)) continue
    const detail = `Found unsupported HTTP method in CORS config. Unsupported method is ${method}`
    throw new S3Error('InvalidRequest', detail)
  }
  for (const pattern of [...origins, ...headers]) {
    if (pattern.split('*').length > 2)
      throw new S3Error('InvalidRequest', `"${pattern}" can not have more than one wildcard.`)
  }
  const maxAgeSeconds = age === undefined ? undefined : Number(age)
  return {
    id: childText(element, 'ID'),
    origins,
    methods,
    headers,
    exposed: texts('ExposeHeader'),
    maxAgeSeconds,
  }
}

/** The content of a `CORSConfiguration`. */
export function corsFields(rules: readonly CorsRule[]): XmlFields {
  return {
    CORSRule: rules.map((rule) => ({
      ID: rule.id,
      AllowedHeader: rule.headers,
      AllowedMethod: rule.methods,
      AllowedOrigin: rule.origins,
      ExposeHeader: rule.exposed,
      MaxAgeSeconds: rule.maxAgeSeconds,
    })),
  }
}

/** The headers that allow an origin its request by the first rule that does; undefined where none does. */
export function corsHeaders(
  rules: readonly CorsRule[],
  origin: string,
  method: string,
  asked: readonly string[] = [],
): Record<string, string> | undefined {
  const rule = rules.find(
    ({ origins, methods, headers }) =>
      methods.includes(method) &&
      origins.some((pattern) => matches(pattern, origin)) &&
      asked.every((name) => headers.some((pattern) => matches(pattern.toLowerCase(), name.toLowerCase()))),
  )
  if (rule === undefined) return undefined
  const anyone = rule.origins.includes('*')
  return {
    'access-control-allow-origin': anyone ? '*' : origin,
    'access-control-allow-methods': rule.methods.join(', '),
    ...(asked.length === 0 ? {} : { 'access-control-allow-headers': asked.join(', ') }),
    ...(rule.exposed.length === 0 ? {} : { 'access-control-expose-headers': rule.exposed.join(', ') }),
    ...(rule.maxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.maxAgeSeconds) }),
    ...(anyone ? {} : { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  }
}

function matches(pattern: string, text: string): boolean {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return pattern === text
  return text.length >= pattern.length - 1 && text.startsWith(before) && text.endsWith(after)
}
