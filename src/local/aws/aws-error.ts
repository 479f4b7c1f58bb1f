/** An error answer of the AWS wire protocols. `message` is absent on the wire where AWS sends none. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number
  /** False where AWS answers with the error's name alone (for example `InvalidCiphertextException`). */
  readonly hasMessage: boolean

  constructor(code: string, message?: string, status = 400) {
    super(message ?? code)
    this.name = code
    this.code = code
    this.status = status
    this.hasMessage = message !== undefined
  }
}

/** A constraint of the request's shape was not met (AWS common error `ValidationException`). */
export function validationException(message: string): AwsError {
  return new AwsError('ValidationException', message)
}

/** `ValidationException` in the words of AWS's shape validator; `value` is left out for sensitive members. */
export function constraintViolation(
  member: string,
  value: string | null | undefined,
  rule: string,
): AwsError {
  const shown = value === undefined ? 'Value' : value === null ? 'Value null' : `Value '${value}'`
  return validationException(
    `1 validation error detected: ${shown} at '${member}' failed to satisfy constraint: ${rule}`,
  )
}
