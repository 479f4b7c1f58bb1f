import { S3Error } from './errors.ts'

/** A form's body, piece by piece; undefined behind its end. */
export interface FormSource {
  next(): Promise<Buffer | undefined>
}

/** What a form says in front of its file. */
export interface FormFields {
  /** Text by lower-case name. */
  readonly values: ReadonlyMap<string, string>
  /** Of the file as the user has it, without directories; empty when the form does not say. */
  readonly fileName: string
}

/** What S3 takes of fields in front of the file, in bytes. */
const FIELD_BYTES_MAX = 20 * 1024
const LINE_END = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * Reads a `multipart/form-data` body (RFC 7578) in order: the fields, then the file, which S3 takes as the last; what
 * comes behind it is ignored.
 */
export class FormReader {
  readonly #source: FormSource
  readonly #delimiter: Buffer
  // The first boundary has no line in front of it.
  #ahead: Buffer = LINE_END
  #taken = 0
  #fileEnded = false

  constructor(source: FormSource, boundary: string) {
    this.#source = source
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  /** True once all of the file has been read. */
  get fileEnded(): boolean {
    return this.#fileEnded
  }

  /**
   * Reads up to the first byte of the file.
   *
   * @throws S3Error `MalformedPOSTRequest`, `MaxPostPreDataLengthExceededError`, `InvalidArgument` for a form without file
   */
  async readFields(): Promise<FormFields> {
    const values = new Map<string, string>()
    await this.#readThrough(this.#delimiter)
    for (;;) {
      const line = (await this.#readThrough(LINE_END)).toString('latin1')
      if (line.startsWith('--')) {
        throw new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.')
      }
      if (line.trim() !== '') throw malformed()
      // A part without any header would begin with an empty line.
      this.#ahead = Buffer.concat([LINE_END, this.#ahead])
      const { name, fileName } = dispositionOf((await this.#readThrough(HEAD_END)).toString())
      if (name === 'file') return { values, fileName: baseName(fileName ?? '') }
      if (values.has(name)) throw new S3Error('InvalidArgument', `The form has the field ${name} twice.`)
      values.set(name, (await this.#readThrough(this.#delimiter)).toString())
    }
  }

  /** The next `bytes` of the file, fewer only at its end. */
  async readFile(bytes: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let wanted = bytes
    while (wanted > 0 && !this.#fileEnded) {
      const end = this.#ahead.indexOf(this.#delimiter)
      // What could be the beginning of a delimiter is not given out yet.
      const sure = end === -1 ? Math.max(0, this.#ahead.length - this.#delimiter.length + 1) : end
      const piece = this.#ahead.subarray(0, Math.min(sure, wanted))
      pieces.push(piece)
      wanted -= piece.length
      this.#ahead = this.#ahead.subarray(piece.length)
      if (piece.length === end) this.#fileEnded = true
      else if (piece.length === sure) await this.#fill()
    }
    return Buffer.concat(pieces)
  }

  /**
   * Reads what comes behind the file.
   *
   * @throws S3Error `MalformedPOSTRequest` unless it ends the form
   */
  async finish(): Promise<void> {
    for (let piece = await this.#source.next(); piece !== undefined; piece = await this.#source.next()) {
      this.#ahead = Buffer.concat([this.#ahead, piece])
      if (this.#ahead.length > FIELD_BYTES_MAX) throw malformed()
    }
    if (!this.#ahead.includes(Buffer.concat([this.#delimiter, Buffer.from('--')]))) throw malformed()
  }

  /** What stands before `mark`, which is passed over. */
  async #readThrough(mark: Buffer): Promise<Buffer> {
    let at = this.#ahead.indexOf(mark)
    while (at === -1) {
      if (this.#taken + this.#ahead.length > FIELD_BYTES_MAX) throw tooLarge()
      await this.#fill()
      at = this.#ahead.indexOf(mark)
    }
    this.#taken += at + mark.length
    if (this.#taken > FIELD_BYTES_MAX) throw tooLarge()
    const before = this.#ahead.subarray(0, at)
    this.#ahead = this.#ahead.subarray(at + mark.length)
    return before
  }

  async #fill(): Promise<void> {
    const piece = await this.#source.next()
    if (piece === undefined) throw malformed()
    this.#ahead = this.#ahead.length === 0 ? piece : Buffer.concat([this.#ahead, piece])
  }
}

/** The boundary that a `Content-Type` names. Throws `MalformedPOSTRequest` when it names none. */
export function boundaryOf(contentType: string): string {
  const match = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw malformed()
  return boundary
}

/** A field that every form has. Throws `InvalidArgument` when it is missing. */
export function requiredField(values: FormFields['values'], name: string): string {
  const value = values.get(name)
  if (value === undefined || value === '') {
    throw new S3Error(
      'InvalidArgument',
      `Bucket POST must contain a field named '${name}'. If it is specified, please check the order of the fields.`,
      { ArgumentName: name, ArgumentValue: '' },
    )
  }
  return value
}

function dispositionOf(head: string): { name: string; fileName: string | undefined } {
  const line = head.split('\r\n').find((each) => /^content-disposition:/i.test(each)) ?? ''
  const name = parameterOf(line, 'name')
  if (!/^content-disposition:\s*form-data\s*;/i.test(line) || name === undefined || name === '')
    throw malformed()
  return { name: name.toLowerCase(), fileName: parameterOf(line, 'filename') }
}

function parameterOf(line: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"((?:\\\\"|[^"])*)"|([^\\s;"]+))`, 'i').exec(line)
  return match?.[1]?.replaceAll(String.raw`\"`, '"').replaceAll('%22', '"') ?? match?.[2]
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1)!
}

function malformed(): S3Error {
  return new S3Error('MalformedPOSTRequest')
}

function tooLarge(): S3Error {
  return new S3Error('MaxPostPreDataLengthExceededError')
}
