import { KeyAccessDenied, KeyServiceUnavailable } from '../keyring/key-service.ts'

/** All results, or the failure that says most: a denial at once, then a defect, then unavailability. */
export async function allOrWorst<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.all(
    work.map(async (one): Promise<{ value: T } | { failure: unknown }> => {
      try {
        return { value: await one }
      } catch (failure) {
        if (failure instanceof KeyAccessDenied) throw failure
        return { failure }
      }
    }),
  )
  const values: T[] = []
  const failures: unknown[] = []
  for (const one of settled) {
    if ('value' in one) values.push(one.value)
    else failures.push(one.failure)
  }
  if (failures.length === 0) return values
  throw failures.find((failure) => !(failure instanceof KeyServiceUnavailable)) ?? failures[0]
}
