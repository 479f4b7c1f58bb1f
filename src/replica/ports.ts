import { createServer } from 'node:net'
import type { Configuration } from '../config/schema.ts'

/**
 * Ports that several processes are to share must not be anybody else's, which sharing would hide. Rejects with the
 * error of the first that is taken, or where the system cannot share ports.
 */
export async function assertPortsFree({ listener, objectStores }: Configuration): Promise<void> {
  for (const { host, port } of [listener, ...objectStores]) {
    if (port !== 0) await listenOnce(host, port, false)
  }
  try {
    await listenOnce(listener.host, 0, true)
  } catch (thrown) {
    throw new Error('this system cannot share a port between processes: start one `serve` for each', {
      cause: thrown,
    })
  }
}

function listenOnce(host: string, port: number, reusePort: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, reusePort }, () => server.close(() => resolve()))
  })
}
