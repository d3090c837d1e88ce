import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'

/** Asks a person for lines. */

let lines: Interface | undefined
let hasEnded = false

/** One reader for all questions, so that a line typed between two questions is not lost. */
const reader = (): Interface => {
  if (lines !== undefined) return lines
  lines = createInterface({ input: process.stdin, terminal: false })
  lines.once('close', () => (hasEnded = true))
  return lines
}

/** @returns undefined when stdin has ended. @throws when `signal` is aborted */
export const ask = (question: string, signal: AbortSignal): Promise<string | undefined> => {
  const input = reader()
  if (hasEnded) return Promise.resolve(undefined)
  process.stderr.write(question)
  // Reading keeps the process alive. It is paused again after the answer.
  process.stdin.ref?.()
  return new Promise((resolve, reject) => {
    const end = (): void => {
      input.off('line', onLine)
      input.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      process.stdin.unref?.()
    }
    const onLine = (line: string): void => {
      end()
      resolve(line)
    }
    const onClose = (): void => {
      end()
      resolve(undefined)
    }
    const onAbort = (): void => {
      end()
      reject(new Error('not asked any more'))
    }
    input.on('line', onLine)
    input.on('close', onClose)
    signal.addEventListener('abort', onAbort)
  })
}

/** What is typed is shown nowhere. */
const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

/**
 * Asks a person for a secret on the terminal, without echo. Without a terminal it reads the next
 * line of stdin, and asks nothing.
 * @returns undefined when stdin has ended. @throws when `signal` is aborted
 */
export const askSecret = (question: string, signal: AbortSignal): Promise<string | undefined> => {
  if (process.stdin.isTTY !== true) return ask('', signal)
  signal.throwIfAborted()
  // First of all: from here on the terminal echoes nothing.
  const lines = createInterface({ input: process.stdin, output: nowhere(), terminal: true })
  process.stderr.write(question)
  return new Promise<string | undefined>((resolve, reject) => {
    const onAbort = (): void => reject(new Error('not asked any more'))
    signal.addEventListener('abort', onAbort, { once: true })
    lines.once('line', resolve)
    lines.once('close', () => resolve(undefined))
    // The terminal is in raw mode, and makes no signal of Ctrl-C.
    lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  }).finally(() => {
    lines.close()
    process.stderr.write('\n')
  })
}
