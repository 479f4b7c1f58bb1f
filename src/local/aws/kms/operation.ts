import type { Call } from '../call.ts'
import type { Input } from './input.ts'

/** Runs one KMS operation; the result becomes the JSON answer, undefined an empty one. Throws `AwsError`. */
export type KmsOperation = (
  call: Call,
  input: Input,
) => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>
