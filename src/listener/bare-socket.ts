import { Socket, type SocketConstructorOpts } from 'node:net'

/** Where reads go to, and who is told; false stops reading until `resume`. */
export interface ReadInto {
  buffer(): Buffer
  callback(bytes: number, buffer: Uint8Array): boolean
}

/**
 * An accepted connection, paused by `pauseOnConnect`, as a socket that reads into buffers of its reader's own. Node has
 * this for connections that it opens (`onread` of net.connect) but not for those that it accepts, so the socket is made
 * anew around the handle of the accepted one. Undefined where there is no such handle.
 */
export function bareSocket(accepted: Socket, onread: ReadInto): Socket | undefined {
  const shell = accepted as unknown as { _handle?: object | null }
  const handle = shell._handle
  if (handle === null || handle === undefined) return undefined
  shell._handle = null
  accepted.destroy()
  return new Socket({ handle, onread, allowHalfOpen: true } as SocketConstructorOpts)
}
