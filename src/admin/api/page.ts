import { PortcullisError } from '../../errors.ts'

/** A page of a list. */
export interface Page<Item> {
  readonly items: Item[]
  readonly next: string | null
}

interface PageQuery {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** The page of items, in order of their keys, that comes after the cursor. */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  query: PageQuery,
): Page<Item> {
  const after = decoded(query.cursor)
  const start = after === undefined ? 0 : items.findIndex((item) => keyOf(item) > after)
  return cut(start === -1 ? [] : items.slice(start, start + query.limit + 1), keyOf, query.limit)
}

/** The page of a list that is read from elsewhere: `read` gets the key to go on after and how many to read. */
export async function pageFrom<Item>(
  read: (after: string | undefined, limit: number) => Promise<Item[]>,
  keyOf: (item: Item) => string,
  query: PageQuery,
): Promise<Page<Item>> {
  return cut(await read(decoded(query.cursor), query.limit + 1), keyOf, query.limit)
}

function cut<Item>(found: readonly Item[], keyOf: (item: Item) => string, limit: number): Page<Item> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  const more = found.length > limit && last !== undefined
  return { items, next: more ? Buffer.from(keyOf(last)).toString('base64url') : null }
}

function decoded(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (Buffer.from(key).toString('base64url') !== cursor) {
    throw new PortcullisError('input-invalid', 'The cursor is not one of this list.')
  }
  return key
}
