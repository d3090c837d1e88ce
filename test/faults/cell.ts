import { writeFileSync } from 'node:fs'
import { faults } from './faults.ts'
import type { Phase } from './result.ts'
import { runCell } from './run.ts'

/** A cell in namespaces of its own: `node cell.ts FAULT PHASE DIRECTORY DIST RESULT`. */

const [name, phase, directory = '', dist = '', result = ''] = process.argv.slice(2)
const fault = faults.find((one) => one.name === name)
if (fault === undefined) throw new Error(`there is no fault ${name}`)
writeFileSync(
  result,
  `${JSON.stringify(await runCell(fault, phase as Phase, { directory, dist, isolated: true }), null, 2)}\n`
)
process.exit()
