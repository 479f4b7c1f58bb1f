import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { AnyJson } from './any-json.ts'

/** Audit events of a type that a gateway has written so far, oldest first. */
export function auditEvents(directory: string, type: string): Record<string, AnyJson>[] {
  const database = new DatabaseSync(join(directory, 'audit.sqlite'), { readOnly: true })
  try {
    return database
      .prepare('SELECT record FROM audit_row WHERE type = ? ORDER BY chain, sequence')
      .all(type)
      .map((row) => (JSON.parse(row['record'] as string) as { event: Record<string, AnyJson> }).event)
  } finally {
    database.close()
  }
}

/** The same once there are so many; what there is after a generous deadline. */
export async function auditEventsOnce(
  directory: string,
  type: string,
  count: number,
): Promise<Record<string, AnyJson>[]> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const events = auditEvents(directory, type)
    if (events.length >= count || performance.now() > deadline) return events
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
