import type { Socket } from 'node:net'

/** Counts open connections by remote address, up to a limit. */
export class PeerConnections {
  readonly #connectionsMax: number
  readonly #open = new Map<string, number>()

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax
  }

  /** Counts a connection until it closes; false when its peer has too many already. */
  admit(socket: Socket): boolean {
    const peer = socket.remoteAddress ?? ''
    const open = this.#open.get(peer) ?? 0
    if (open >= this.#connectionsMax) return false
    this.#open.set(peer, open + 1)
    socket.once('close', () => this.#closed(peer))
    return true
  }

  #closed(peer: string): void {
    const open = (this.#open.get(peer) ?? 1) - 1
    if (open === 0) this.#open.delete(peer)
    else this.#open.set(peer, open)
  }
}
