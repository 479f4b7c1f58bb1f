import type { FieldRule } from '../../coverage/field-rule.ts'
import { PortcullisError } from '../../errors.ts'
import { type CoveredValue, type FieldCodec, KEY_NOT_LOADED } from './codec.ts'

const LOAD_ATTEMPTS_MAX = 3

/** A query parameter whose value is compared with a searchable field. */
export interface SearchableParameter {
  /** Name of the parameter, decoded. */
  readonly name: string
  /** Member name of the field. */
  readonly fieldName: string
  readonly rule: FieldRule
}

/**
 * Replaces the values of searchable parameters in a raw query (with or without its `?`) by the envelopes that equal
 * values have at rest; every other character stays. A value stands for the JSON string that `JSON.stringify` writes.
 * Envelopes need no percent-encoding (RFC 3986 section 2.3). A promise only when a key has to be loaded.
 *
 * Errors: `request-malformed` for a covered parameter that is not percent-encoded UTF-8; and those of the codec.
 */
export function sealQuery(
  query: string,
  parameters: readonly SearchableParameter[],
  codec: FieldCodec,
): string | Promise<string> {
  const mark = query.startsWith('?') ? '?' : ''
  const pairs = query.slice(mark.length).split('&')
  return sealPairs(pairs, 0, parameters, codec, mark)
}

function sealPairs(
  pairs: string[],
  from: number,
  parameters: readonly SearchableParameter[],
  codec: FieldCodec,
  mark: string,
): string | Promise<string> {
  for (let index = from; index < pairs.length; index++) {
    const pair = pairs[index]!
    const equals = pair.indexOf('=')
    if (equals === -1) continue
    const parameter = parameterNamed(pair.slice(0, equals), parameters)
    if (parameter === undefined) continue
    const value = new ParameterValue(parameter, decoded(pair.slice(equals + 1)))
    const prefix = pair.slice(0, equals + 1)
    const envelope = sealed(value, codec)
    if (envelope === undefined) {
      return sealedAfterLoad(value, codec).then((text) => {
        pairs[index] = prefix + text
        return sealPairs(pairs, index + 1, parameters, codec, mark)
      })
    }
    pairs[index] = prefix + envelope
  }
  return mark + pairs.join('&')
}

function parameterNamed(
  written: string,
  parameters: readonly SearchableParameter[],
): SearchableParameter | undefined {
  for (const parameter of parameters) if (parameter.name === written) return parameter
  if (!/[%+]/.test(written)) return undefined
  const name = decodedOrUndefined(written)
  return parameters.find((parameter) => parameter.name === name)
}

function decoded(written: string): string {
  const value = decodedOrUndefined(written)
  if (value !== undefined) return value
  throw new PortcullisError('request-malformed', 'A query parameter is not percent-encoded UTF-8.')
}

/** Undefined unless it is percent-encoded UTF-8; a plus sign stands for a space, as in HTML forms. */
function decodedOrUndefined(written: string): string | undefined {
  if (/[^\x21-\x7e]/.test(written)) return undefined
  try {
    return decodeURIComponent(written.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function sealed(value: ParameterValue, codec: FieldCodec): string | undefined {
  const target = Buffer.allocUnsafe(codec.sealedBytesMax(value.rule, value.end))
  const length = codec.seal(value, target, 0)
  return length === KEY_NOT_LOADED ? undefined : target.toString('latin1', 0, length)
}

async function sealedAfterLoad(value: ParameterValue, codec: FieldCodec): Promise<string> {
  for (let attempt = 0; attempt < LOAD_ATTEMPTS_MAX; attempt++) {
    await codec.load(value)
    const envelope = sealed(value, codec)
    if (envelope !== undefined) return envelope
  }
  throw new PortcullisError('overloaded', 'A key did not stay in memory long enough to be used.', {
    retryAfterSeconds: 1,
  })
}

/** A parameter's value as the JSON string token that the store holds sealed. */
class ParameterValue implements CoveredValue {
  readonly rule: FieldRule
  readonly name: Buffer
  readonly nameStart = 0
  readonly nameEnd: number
  readonly bytes: Buffer
  readonly start = 0
  readonly end: number

  constructor(parameter: SearchableParameter, value: string) {
    if (parameter.rule.mode !== 'searchable')
      throw new TypeError('a query parameter needs a searchable field')
    this.rule = parameter.rule
    this.name = Buffer.from(parameter.fieldName)
    this.nameEnd = this.name.length
    this.bytes = Buffer.from(JSON.stringify(value))
    this.end = this.bytes.length
  }
}
