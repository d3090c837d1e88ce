import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The programs that tests start. They are those that users start, of dist: to strip the types of
 * src at each start takes two seconds of CPU. A run that measures coverage starts those of src.
 */

const root = fileURLToPath(new URL('../', import.meta.url))
const coverage = process.env['NODE_V8_COVERAGE']

/** `{ NODE_V8_COVERAGE }` when this run measures coverage, for the environment of a program. */
export const coverageEnv: Readonly<Record<string, string>> =
  coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }

const modifiedMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** @throws when dist was built before a file of src was changed */
const checkBuilt = (): void => {
  const built = modifiedMs(join(root, 'dist'))
  const newer = globSync('src/**/*.{ts,js,css}', { cwd: root }).find(
    (file) => modifiedMs(join(root, file)) > built
  )
  if (newer !== undefined) {
    throw new Error(`dist was built before ${newer} was changed: run scripts/setup`)
  }
}
let isChecked = false

/**
 * @param name such as `central-hub` or `admin/doctor`
 * @returns the file for Node to run
 * @throws when dist is older than src
 */
export const programOf = (name: string): string => {
  if (coverage !== undefined) return join(root, 'src', name, 'main.ts')
  if (!isChecked) checkBuilt()
  isChecked = true
  return join(root, 'dist', name, 'main.js')
}
