import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Reads a stream while its parts are worked on. Each turn gives all that has come since the last
 * one. A reader that never pauses would leave the stream no time to come, so each turn waits until
 * what is there has been read.
 * @param maxBytes the most bytes that are read before the next turn; the last part may go beyond
 * @throws the stream's error, after what came before it. A reader that stops before the end must
 * cancel the stream
 */
export async function* readAhead(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number
): AsyncGenerator<Uint8Array[]> {
  let parts: Uint8Array[] = []
  let bytes = 0
  let ended: { error?: unknown } | undefined
  let more = Promise.withResolvers<void>()
  let room = Promise.withResolvers<void>()
  const read = async (): Promise<void> => {
    for await (const part of stream) {
      parts.push(part)
      bytes += part.length
      more.resolve()
      if (bytes >= maxBytes) await room.promise
    }
  }
  read()
    .then(
      () => (ended = {}),
      (error: unknown) => (ended = { error })
    )
    .finally(() => more.resolve())
  try {
    for (;;) {
      await more.promise
      for (let before = -1; before < bytes && bytes < maxBytes && ended === undefined; ) {
        before = bytes
        await nextTurn()
      }
      more = Promise.withResolvers<void>()
      const [arrived, resume] = [parts, room]
      ;[parts, bytes, room] = [[], 0, Promise.withResolvers<void>()]
      if (ended !== undefined) more.resolve()
      resume.resolve()
      if (arrived.length > 0) yield arrived
      else if (ended !== undefined) {
        if ('error' in ended) throw ended.error
        return
      }
    }
  } finally {
    room.resolve()
  }
}
