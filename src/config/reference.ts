import { z } from 'zod'
import { stringify } from 'yaml'
import { noteOf, type OptionNote } from './option.ts'
import { shapeOf, unwrapped } from './schema-findings.ts'
import { configurationSchema } from './schema.ts'

const COMMENT_COLUMNS = 110

const HEADING = [
  'Every option of Portcullis with its type, unit, default and reason, generated from the schema.',
  'Options without a default show an example. A duration may be a number (milliseconds) or a text such as "5s",',
  'a size a number (bytes) or a text such as "16MiB". Paths are relative to the file they stand in.',
  'This file is itself a valid configuration; see example.yaml for one to start from.',
]

/** The reference configuration as YAML: every key, with what the schema says about it. */
export function referenceYaml(): string {
  const lines = [
    ...HEADING.map((line) => `# ${line}`),
    '',
    ...sectionLines(shapeOf(configurationSchema) ?? {}, 0),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function sectionLines(shape: Readonly<Record<string, z.ZodType>>, depth: number): string[] {
  return Object.entries(shape).flatMap(([key, schema], index) => {
    const note = noteOf(schema)
    if (note === undefined) throw new Error(`option ${key} has no note`)
    const gap = index > 0 && (depth === 0 || shapeBelow(schema) !== undefined) ? [''] : []
    return [...gap, ...commentLines(note, depth), ...valueLines(key, schema, note, depth)]
  })
}

function valueLines(key: string, schema: z.ZodType, note: OptionNote, depth: number): string[] {
  const indent = '  '.repeat(depth)
  const below = shapeBelow(schema)
  if (below !== undefined && unwrapped(schema) instanceof z.ZodArray) {
    // One entry, its first key after the hyphen; comments before it stand above the hyphen.
    const entry = sectionLines(below, depth + 2)
    const first = entry.findIndex((line) => !line.trimStart().startsWith('#') && line !== '')
    const dashed = entry.map((line, at) =>
      at === first ? `${'  '.repeat(depth + 1)}- ${line.trimStart()}` : line,
    )
    return [`${indent}${key}:`, ...dashed]
  }
  if (below !== undefined) return [`${indent}${key}:`, ...sectionLines(below, depth + 1)]
  const value = note.example ?? note.default
  const text = stringify(
    { [key]: value },
    { lineWidth: 0, defaultStringType: 'PLAIN', defaultKeyType: 'PLAIN' },
  ).trimEnd()
  return text.split('\n').map((line) => `${indent}${note.alternative === true ? '# ' : ''}${line}`)
}

function shapeBelow(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const inner = unwrapped(schema)
  return inner instanceof z.ZodArray ? shapeOf(inner.element as z.ZodType) : shapeOf(inner)
}

function commentLines(note: OptionNote, depth: number): string[] {
  const facts = [
    note.type === 'section' ? undefined : `Type: ${note.type}`,
    note.unit === undefined ? undefined : `a number is in ${note.unit}`,
    note.default === undefined ? undefined : `default: ${String(note.default)}`,
  ].filter((fact) => fact !== undefined)
  const indent = '  '.repeat(depth)
  const columns = COMMENT_COLUMNS - indent.length - 2
  const typed = facts.length === 0 ? [] : wrapped(`${facts.join('; ')}.`, columns)
  return [...wrapped(note.reason, columns), ...typed].map((line) => `${indent}# ${line}`)
}

function wrapped(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
