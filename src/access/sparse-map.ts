const EMPTY: ReadonlyMap<unknown, unknown> = new Map()

/** The one map without entries, for state that hardly any authority has: an empty map of its own takes 200 bytes. */
export function emptyMap<Key, Value>(): ReadonlyMap<Key, Value> {
  return EMPTY as ReadonlyMap<Key, Value>
}

/** A copy of `map` with one more entry, or with another value for it. */
export function withEntry<Key, Value>(
  map: ReadonlyMap<Key, Value>,
  key: Key,
  value: Value,
): ReadonlyMap<Key, Value> {
  return new Map(map).set(key, value)
}

/** A copy of `map` without the entries that `gone` says are to go. */
export function withoutEntries<Key, Value>(
  map: ReadonlyMap<Key, Value>,
  gone: (key: Key, value: Value) => boolean,
): ReadonlyMap<Key, Value> {
  const kept = [...map].filter(([key, value]) => !gone(key, value))
  return kept.length === 0 ? emptyMap() : new Map(kept)
}
