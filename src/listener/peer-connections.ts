import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Counts open connections by remote address and closes those above the limit. */
export class PeerConnections {
  readonly #connectionsMax: number
  readonly #open = new Map<string, number>()

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax
  }

  /** Applies the limit to every new connection of a server. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const peer = socket.remoteAddress ?? ''
      const open = this.#open.get(peer) ?? 0
      if (open >= this.#connectionsMax) {
        socket.destroy()
        return
      }
      this.#open.set(peer, open + 1)
      socket.once('close', () => this.#closed(peer))
    })
  }

  #closed(peer: string): void {
    const open = (this.#open.get(peer) ?? 1) - 1
    if (open === 0) this.#open.delete(peer)
    else this.#open.set(peer, open)
  }
}
