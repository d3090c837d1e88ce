import { createLog, type Log } from '../../src/platform/log.ts'

/** A log whose lines a test can look at. */
export interface LogLines {
  log: Log
  lines: Record<string, unknown>[]
  /** The lines of an event. */
  of(event: string): Record<string, unknown>[]
}

export const logLines = (level = 'trace'): LogLines => {
  const lines: Record<string, unknown>[] = []
  const sink = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  return { log: createLog({ service: 'test', level, underJournal: false, sink }), lines, of: (event) => lines.filter((line) => line['event'] === event) }
}
