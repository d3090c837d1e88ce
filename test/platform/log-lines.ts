import { EventEmitter, once } from 'node:events'
import { createLog, type Log } from '../../src/platform/log.ts'

/** A log whose lines a test can look at. */
export interface LogLines {
  log: Log
  lines: Record<string, unknown>[]
  /** The lines of an event. */
  of(event: string): Record<string, unknown>[]
  /** Resolves once there are that many lines of an event. */
  count(event: string, lines: number): Promise<void>
}

export const logLines = (level = 'trace'): LogLines => {
  const lines: Record<string, unknown>[] = []
  const news = new EventEmitter().setMaxListeners(0)
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>)
    news.emit('line')
  }
  const of = (event: string): Record<string, unknown>[] =>
    lines.filter((line) => line['event'] === event)
  return {
    log: createLog({ service: 'test', level, underJournal: false, sink: { write } }),
    lines,
    of,
    count: async (event, wanted) => {
      const signal = AbortSignal.timeout(15_000)
      while (of(event).length < wanted) await once(news, 'line', { signal })
    }
  }
}
