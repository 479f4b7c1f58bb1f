import { wrapped } from './generated-file.ts'

/** An expression that is written as it stands. */
export class Expression {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An object constructor element or a list element with a comment before it. */
export class HclCommented {
  readonly comment: string
  readonly value: unknown

  constructor(comment: string, value: unknown) {
    this.comment = comment
    this.value = value
  }
}

/** Comment lines at an indentation of so many spaces. */
export function hclComment(text: string, indent = 0): string {
  return wrapped(text)
    .map((line) => `${' '.repeat(indent)}# ${line}\n`)
    .join('')
}

/** A quoted string in which nothing is a template. */
export function hclString(text: string): string {
  return JSON.stringify(text).replaceAll('${', '$${').replaceAll('%{', '%%{')
}

/** A value as an HCL expression; nested lines are indented from `indent`. */
export function hclValue(value: unknown, indent = 0): string {
  if (value instanceof Expression) return value.text
  if (typeof value === 'string') return hclString(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return hclList(value, indent)
  if (typeof value === 'object' && value !== null) return hclObject(value, indent)
  throw new TypeError(`no HCL for ${typeof value}`)
}

/** Attributes of a block, one a line; those that are undefined are left out. */
export function hclAttributes(attributes: Readonly<Record<string, unknown>>, indent = 2): string {
  return assignments(attributes, indent)
}

/** A block with attributes and, after them, text that is written as it stands. */
export function hclBlock(header: string, attributes: Readonly<Record<string, unknown>>, inner = ''): string {
  return `${header} {\n${hclAttributes(attributes)}${inner}}\n`
}

function hclList(values: readonly unknown[], indent: number): string {
  if (values.length === 1 && !(values[0] instanceof HclCommented)) return `[${hclValue(values[0], indent)}]`
  const inner = indent + 2
  const lines = values.map((value) => {
    const comment = value instanceof HclCommented ? hclComment(value.comment, inner) : ''
    const bare = value instanceof HclCommented ? value.value : value
    return `${comment}${' '.repeat(inner)}${hclValue(bare, inner)},\n`
  })
  return `[\n${lines.join('')}${' '.repeat(indent)}]`
}

function hclObject(value: object, indent: number): string {
  return `{\n${assignments(value, indent + 2)}${' '.repeat(indent)}}`
}

/** `name = value` lines; as `terraform fmt` does it, equals signs of neighbouring one-line values stand in one column. */
function assignments(members: object, indent: number): string {
  const lines = Object.entries(members)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => ({
      name: /^[A-Za-z_][\w-]*$/.test(name) ? name : hclString(name),
      value: hclValue(member, indent),
    }))
  const isOneLine = (index: number): boolean => lines[index]?.value.includes('\n') === false
  return lines
    .map(({ name, value }, index) => {
      let width = name.length
      if (isOneLine(index)) {
        for (let before = index - 1; isOneLine(before); before -= 1)
          width = Math.max(width, lines[before]!.name.length)
        for (let after = index + 1; isOneLine(after); after += 1)
          width = Math.max(width, lines[after]!.name.length)
      }
      return `${' '.repeat(indent)}${name.padEnd(width)} = ${value}\n`
    })
    .join('')
}
