import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from './scope.ts'

/**
 * A directory that goes with the test; a test may have several. It goes after what was started in
 * it later. tap's own goes before all teardowns: where a process still writes there, that fails,
 * and the process is never ended.
 */
export const ownDirectory = (t: Scope): string => {
  const path = mkdtempSync(join(tmpdir(), 'leadmaster-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}
