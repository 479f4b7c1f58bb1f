import type { ResponseOf } from '../../admin/api/contract/contract.ts'
import { type CommandContext, type Outcome, textOption } from './command.ts'
import { UsageError } from './failure.ts'
import { organizations } from './path.ts'
import { facts } from './table.ts'

const POLL_MS = 250
const TIMEOUT_SECONDS_DEFAULT = 60
const AWAITED = ['suspended', 'valid'] as const

/** Waits for a revocation to take effect, or for access to be back, and says how long that took. */
export async function waitForAccess(context: CommandContext, id: string, awaited: string): Promise<Outcome> {
  const { client, terminal, progress } = context
  if (!AWAITED.some((state) => state === awaited))
    throw new UsageError(`a state is one of ${AWAITED.join(', ')}`)
  const timeoutMs = 1_000 * timeoutSeconds(textOption(context.options, 'timeout'))
  const startedAt = performance.now()
  for (;;) {
    const { access } = await client.get<ResponseOf<'byok.status'>>(organizations(id, 'byok', 'verification'))
    const waitedMs = Math.round(performance.now() - startedAt)
    const reached = access.state === awaited
    if (reached || waitedMs >= timeoutMs || terminal.stopRequested.aborted) {
      const { state, suspension } = access
      const text = facts({
        access: state,
        suspended: suspension && `${suspension.reason} since ${suspension.since}`,
        waited: `${waitedMs} ms`,
      })
      return { value: { state, suspension, waitedMs }, text, failed: !reached }
    }
    progress.wait(`access is ${access.state}, waiting for ${awaited}: ${Math.floor(waitedMs / 1_000)} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function timeoutSeconds(text: string | undefined): number {
  const seconds = text === undefined ? TIMEOUT_SECONDS_DEFAULT : Number(text)
  if (!Number.isFinite(seconds) || seconds < 0) throw new UsageError('--timeout is a number of seconds')
  return seconds
}
