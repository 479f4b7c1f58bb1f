import { Document, isMap, isSeq, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { wrapped } from './generated-file.ts'

/** A CloudFormation function in its short form: `!Ref name`, `!Sub 'text'`, `!GetAtt name.attribute`. */
export class Intrinsic {
  readonly name: 'Ref' | 'Sub' | 'GetAtt'
  readonly argument: string

  constructor(name: Intrinsic['name'], argument: string) {
    this.name = name
    this.argument = argument
  }
}

/** A value with a comment before it. */
export class Commented {
  readonly comment: string
  readonly value: unknown

  constructor(comment: string, value: unknown) {
    this.comment = comment
    this.value = value
  }
}

/** YAML text of `value` under a heading of comment lines. */
export function yamlTemplate(heading: readonly string[], value: Record<string, unknown>): string {
  // CloudFormation reads YAML 1.1, where unquoted dates and words such as `no` are not text
  const document = new Document(nodeOf(value), { version: '1.1' })
  document.commentBefore = commentLines(heading)
  return document.toString({ lineWidth: 0, singleQuote: true })
}

function nodeOf(value: unknown): unknown {
  if (value instanceof Commented) {
    const node = nodeOf(value.value)
    return isMap(node) || isSeq(node) || node instanceof Scalar ? withComment(node, value.comment) : node
  }
  if (value instanceof Intrinsic) {
    const scalar = new Scalar(value.argument)
    scalar.tag = `!${value.name}`
    return scalar
  }
  if (Array.isArray(value)) {
    const sequence = new YAMLSeq()
    for (const element of value) sequence.add(nodeOf(element))
    return sequence
  }
  return typeof value === 'object' && value !== null ? mapOf(value) : new Scalar(value)
}

function mapOf(value: object): YAMLMap {
  const map = new YAMLMap()
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const key = new Scalar(name)
    // before the name: a comment between a name and its value is easily overlooked
    if (member instanceof Commented) key.commentBefore = commentLines([member.comment])
    map.add({ key, value: nodeOf(member instanceof Commented ? member.value : member) })
  }
  return map
}

function withComment<Node extends YAMLMap | YAMLSeq | Scalar>(node: Node, comment: string): Node {
  node.commentBefore = commentLines([comment])
  return node
}

function commentLines(paragraphs: readonly string[]): string {
  return paragraphs
    .flatMap((paragraph) => (paragraph === '' ? [''] : wrapped(paragraph)))
    .map((line) => ` ${line}`.trimEnd() || ' ')
    .join('\n')
}
