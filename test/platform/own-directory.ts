import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A directory that goes with the test; unlike tap's own, a test may have several. */
export const ownDirectory = (t: Test): string => {
  const path = mkdtempSync(join(tmpdir(), 'leadmaster-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}
