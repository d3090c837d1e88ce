/** What left by the page's connection to WhatsApp, seen from the outside of its encryption. */
export interface SocketWatch {
  /** A stanza was encoded to this many bytes, and allowed. */
  passed(bytes: number): void
  look(): SocketLook
}
interface SocketLook {
  /** Connections to WhatsApp that this window opened. */
  sockets: number
  /** Frames that left after the handshake without having been encoded and allowed before. */
  unseen: number
}

/**
 * Runs in the page before its own scripts. A stanza leaves as one binary frame on
 * `wss://…/ws/chat`: three bytes of length, then the encrypted stanza, which is 16 bytes longer
 * than the stanza. The handshake before takes one frame or two, the first after the letters WA and,
 * where the page was routed before, ED and a routing text. So each frame is matched with a stanza
 * that was allowed, by its length. It is one function, because the page gets it as one text.
 */
export const installSocketWatch = (): void => {
  interface Connection {
    frames: number
    unmatched: number
    hasMatched: boolean
  }
  const handshakeFrames = 2
  const tagBytes = 16
  const maxWaiting = 10_000
  const { WebSocket: Original } = globalThis as unknown as {
    WebSocket?: { prototype: { send: (data: unknown) => void } }
  }

  const connections = new WeakMap<object, Connection>()
  /** How many stanzas of a length were allowed and have not left yet. */
  const waiting = new Map<number, number>()
  const total = { sockets: 0, passed: 0, frames: 0, unseen: 0, matched: 0 }

  const take = (bytes: number): boolean => {
    const count = waiting.get(bytes) ?? 0
    // Lengths of which none waits are forgotten: over weeks there are many.
    if (count > 1) waiting.set(bytes, count - 1)
    else waiting.delete(bytes)
    return count > 0
  }
  const bytesOf = (data: unknown): Uint8Array | undefined => {
    if (data instanceof ArrayBuffer) return new Uint8Array(data)
    return ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : undefined
  }
  const lengthAt = (bytes: Uint8Array, at: number): number =>
    ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
  /** The lengths of the frames in what is sent; one of -1 where it has another form. */
  const framesOf = (bytes: Uint8Array, isFirst: boolean): number[] => {
    let at = 0
    if (isFirst && bytes[0] === 0x45 && bytes[1] === 0x44) at = 7 + lengthAt(bytes, 4)
    if (isFirst && bytes[at] === 0x57 && bytes[at + 1] === 0x41) at += 4
    const lengths: number[] = []
    while (at + 3 <= bytes.length) {
      const length = lengthAt(bytes, at)
      lengths.push(length)
      at += 3 + length
    }
    return at === bytes.length && lengths.length > 0 ? lengths : [-1]
  }
  /**
   * @param isHello the first frame after WA or ED; a stanza may wait that was never sent and has
   * its length
   */
  const onFrame = (connection: Connection, length: number, isHello: boolean): void => {
    total.frames += 1
    if (!isHello && (take(length - tagBytes) || take(length))) {
      connection.hasMatched = true
      total.matched += 1
      return
    }
    connection.unmatched += 1
    if (connection.hasMatched || connection.unmatched > handshakeFrames) total.unseen += 1
  }
  const onSend = (socket: { url: string }, data: unknown): void => {
    // The path is WhatsApp's; what is no binary frame is nothing that its servers take.
    if (!/^wss?:\/\/[^/]+\/ws\/chat/.test(socket.url)) return
    const bytes = bytesOf(data)
    const known = connections.get(socket)
    const connection = known ?? { frames: 0, unmatched: 0, hasMatched: false }
    if (known === undefined) {
      connections.set(socket, connection)
      total.sockets += 1
    }
    if (bytes === undefined) return
    const isFirst = connection.frames === 0
    const hasPrologue = isFirst && (bytes[0] === 0x45 || bytes[0] === 0x57)
    for (const [index, length] of framesOf(bytes, isFirst).entries())
      onFrame(connection, length, hasPrologue && index === 0)
    connection.frames += 1
  }

  if (Original !== undefined) {
    const { send: original } = Original.prototype
    const watched = new Proxy(original, {
      apply: (target, self: { url: string }, args: unknown[]) => {
        try {
          onSend(self, args[0])
        } catch {
          // A frame that could not be looked at is one that nobody saw.
          total.unseen += 1
        }
        return Reflect.apply(target, self, args)
      }
    })
    Object.defineProperty(Original.prototype, 'send', {
      value: watched,
      writable: true,
      configurable: true,
      enumerable: true
    })
  }

  const watch: SocketWatch = {
    passed: (bytes) => {
      total.passed += 1
      if (waiting.size >= maxWaiting) waiting.clear()
      waiting.set(bytes, (waiting.get(bytes) ?? 0) + 1)
    },
    look: () => {
      const { sockets, passed, frames, unseen, matched } = total
      // Frames of another form than described match nothing: then only their number tells.
      const excess = Math.max(0, frames - passed - handshakeFrames * sockets)
      return { sockets, unseen: matched === 0 ? excess : unseen }
    }
  }
  Object.defineProperty(globalThis, Symbol.for('leadmaster.sockets'), {
    value: Object.freeze(watch)
  })
}
