import { createInterface, type Interface } from 'node:readline'

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
