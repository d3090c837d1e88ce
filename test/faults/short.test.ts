import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { faults } from './faults.ts'
import { wrong, type Phase } from './result.ts'
import { runCell } from './run.ts'

/** The short form of main.ts: a few cells of the matrix, those that any user can run. */

t.setTimeout(900_000)

const directory = (): string => {
  // sun_path holds 108 bytes: the test's own directory is too long
  const path = mkdtempSync(join(tmpdir(), 'lmf-'))
  chmodSync(path, 0o755)
  t.teardown(() => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  return path
}

/** scripts/test builds it. */
const dist = fileURLToPath(new URL('../../dist', import.meta.url))

const cells: readonly [fault: string, phase: Phase][] = [
  ['session-manager killed', 'load'],
  ['renderer killed', 'backfill']
]

for (const [name, phase] of cells) {
  t.test(`${name}, ${phase}: seen, recovered from, nothing lost and nothing twice`, async (t) => {
    const fault = faults.find((one) => one.name === name)
    if (fault === undefined) throw new Error(`there is no fault ${name}`)
    const cell = await runCell(fault, phase, { directory: directory(), dist, isolated: false })
    t.same(wrong(cell), [])
    t.match(
      cell,
      { named_s: Number, recover_s: Number, outbound: 0, resets: 0 },
      'and named in words that an operator sees'
    )
  })
}
