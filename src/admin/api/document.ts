import { openApiDocument } from './openapi.ts'

type Json = Record<string, unknown>
interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly 'x-access': string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: Json
  readonly responses: Readonly<Record<string, Json>>
}

const HEADING = `# Admin API

Generated from the schemas that requests are validated by; \`/openapi.json\` of a running gateway is the same as
OpenAPI 3.1, and open to all. \`npx vitest run test/admin/api-document.test.ts -u\` writes this file anew.

- **Credentials**: \`Authorization: Bearer …\`: a token of \`admin.tokens\` in the configuration (operators, auditors of
  the vendor), a token of an organization (\`…/administrators\`), or an OIDC access token. 401 without, 403 when wrong.
- **Roles**: *self* anyone; *read* every role; *manage* operators and organization administrators; *operate* operators;
  *oversee* operators and auditors of the vendor. Someone bound to an organization gets 404 for every other.
- **Refusals** are \`application/problem+json\`: \`reason\` for programs; where a rule of the domain is broken also
  \`rule\`, \`remedy\`, and \`errors\` with one entry \`{path, rule, reason, remedy}\` for each finding. 409: the state
  forbids it; 422: the input does. 429 with \`Retry-After\` beyond the rate limits.
- **Lists**: \`?limit=&cursor=\` and \`{"items": […], "next": cursor or null}\`.
- **\`Idempotency-Key\`** with any POST (1 to 128 printable characters, kept 24 h per caller): repeating a request with the
  same key and body repeats its answer without doing it again; secrets are not shown again. Another body is 422.
- **\`ETag\`** of a GET, or of the answer that made it: send it as \`If-Match\` with PUT, PATCH or DELETE to change only
  what you saw. 412 when it has changed since: read it again, then repeat the change.
- Entries of the configuration file show \`managedBy: "file"\` and can only be read here (409).
`

/** docs/ADMIN-API.md: every operation and every shape, in Markdown. */
export function apiDocument(): string {
  const document = openApiDocument('') as {
    paths: Record<string, Record<string, Operation>>
    components: { schemas: Record<string, Json> }
  }
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      operationText(method.toUpperCase(), path, operation),
    ),
  )
  const shapes = Object.entries(document.components.schemas).map(([name, schema]) => shapeText(name, schema))
  return `${[HEADING, '## Operations\n', ...operations, '## Shapes\n', ...shapes].join('\n').trimEnd()}\n`
}

function operationText(method: string, path: string, operation: Operation): string {
  const { parameters = [], requestBody, responses } = operation
  const named = (where: string) =>
    parameters.filter((parameter) => parameter.in === where).map(({ name }) => `\`${name}\``)
  const [status, success] = Object.entries(responses)[0]!
  const lines = [
    `### ${method} \`${path}\`\n`,
    `${operation.summary}. (\`${operation.operationId}\`, ${operation['x-access']})`,
    ...(operation.description === undefined ? [] : [operation.description]),
    '',
    ...(named('query').length > 0 ? [`- query: ${named('query').join(', ')}`] : []),
    ...(named('header').length > 0 ? [`- headers: ${named('header').join(', ')}`] : []),
    ...(requestBody === undefined ? [] : [`- body: ${contentText(requestBody)}`]),
    `- ${status}: ${contentText(success) || 'nothing'}`,
    '',
  ]
  return lines.join('\n')
}

function contentText({ content }: Json): string {
  if (content === undefined) return ''
  return Object.entries(content as Record<string, { schema?: Json }>)
    .map(([type, { schema }]) => (schema === undefined ? `or \`${type}\`` : typeText(schema)))
    .join(' ')
}

function shapeText(name: string, schema: Json): string {
  const description = typeof schema['description'] === 'string' ? `${schema['description']}\n\n` : ''
  const properties = schema['properties'] as Record<string, Json> | undefined
  if (properties === undefined) return `### ${name}\n\n${description}${typeText(schema)}\n`
  const required = new Set(schema['required'] as string[] | undefined)
  const lines = Object.entries(properties).map(([property, of]) => {
    const optional = required.has(property) ? '' : '?'
    const what =
      typeof of['description'] === 'string' && of['$ref'] === undefined ? `: ${of['description']}` : ''
    return `- \`${property}${optional}\` ${typeText(of)}${what}`
  })
  return `### ${name}\n\n${description}${lines.join('\n')}\n`
}

function typeText(schema: Json): string {
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].split('/').at(-1)!
    return `[${name}](#${name.toLowerCase()})`
  }
  if (Array.isArray(schema['anyOf'])) return (schema['anyOf'] as Json[]).map(typeText).join(' or ')
  if (Array.isArray(schema['enum']))
    return (schema['enum'] as string[]).map((value) => `\`${value}\``).join(' | ')
  const items = schema['items'] as Json | undefined
  if (items !== undefined) return `list of ${typeText(items)}`
  const properties = schema['properties'] as Record<string, Json> | undefined
  if (properties !== undefined) {
    return `{ ${Object.entries(properties)
      .map(([name, of]) => `\`${name}\` ${typeText(of)}`)
      .join(', ')} }`
  }
  const values = schema['additionalProperties']
  if (typeof values === 'object' && values !== null && schema['type'] === 'object') {
    return `object of ${typeText(values as Json)}`
  }
  if (schema['format'] === 'date-time') return 'time'
  const type = schema['type'] as string | readonly string[] | undefined
  return type === undefined ? 'any' : [type].flat().join(' or ')
}
