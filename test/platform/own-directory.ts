import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from './scope.ts'

/** A directory that goes with the test; unlike tap's own, a test may have several. */
export const ownDirectory = (t: Scope): string => {
  const path = mkdtempSync(join(tmpdir(), 'leadmaster-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}
