import type { Exchange } from '../../src/listener/exchange.ts'
import { Listener, type ListenerOptions } from '../../src/listener/listener.ts'

const LIMITS = {
  headerBytesMax: 8_192,
  headersCountMax: 50,
  headersTimeoutMs: 1_000,
  idleTimeoutMs: 500,
  keepAliveTimeoutMs: 5_000,
  connectionsMax: 100,
  connectionsPerPeerMax: 10,
  drainTimeoutMs: 1_000,
}

const listeners: Listener[] = []

/** A listener on a free port; `ended` grows with every exchange that is over. */
export async function listen(
  handle: (exchange: Exchange) => void | Promise<void>,
  limits: Partial<typeof LIMITS> = {},
  { tls, upgrade }: Partial<Pick<ListenerOptions, 'tls' | 'upgrade'>> = {},
): Promise<{ url: string; ended: Exchange[]; listener: Listener }> {
  const ended: Exchange[] = []
  const listener = new Listener({
    host: '127.0.0.1',
    tls,
    port: 0,
    limits: { ...LIMITS, ...limits },
    handle,
    upgrade: upgrade ?? ((_request, _head, socket) => void socket.destroy()),
    ended: (exchange) => ended.push(exchange),
  })
  listeners.push(listener)
  return { url: await listener.listen(), ended, listener }
}

export async function closeListeners(): Promise<void> {
  await Promise.all(listeners.splice(0).map((listener) => listener.drain()))
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
