import type { Call } from '../call.ts'
import type { Form } from './form.ts'
import type { XmlValue } from './xml.ts'

/** Runs one STS or IAM operation; the result becomes the `…Result` element, undefined leaves it out. */
export type QueryOperation = (call: Call, form: Form) => { readonly [name: string]: XmlValue } | undefined
