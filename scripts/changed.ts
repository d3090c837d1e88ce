import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Which test files a change can break, nearest first. A test file belongs to a change when it
 * imports a changed file, or a file that does, and so on.
 *
 * What a test starts as a process (a daemon, the command line) is no import: those tests are found
 * by what they import of it, and all of them run with `scripts/test`.
 */

/** Tests that read the files of the whole project: they belong to every change. */
const ofAllFiles = [
  'test/style.test.ts',
  'test/platform/clocks.test.ts',
  'test/platform/describe-error.test.ts',
  'test/platform/scope.test.ts'
]

/**
 * @param rev the commit to compare the working tree with
 * @returns paths below root, new files that git does not ignore included
 * @throws what git says, such as that it does not know `rev`
 */
export const changedFiles = (root: string, rev: string): string[] => {
  const git = (...args: string[]): string[] =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
  const known = git('diff', '--name-only', '--relative', '--end-of-options', rev, '--')
  const added = git('ls-files', '--others', '--exclude-standard')
  return [...new Set([...known, ...added])].sort()
}

/** Files that a file names: by import, dynamic import or `new URL(…, import.meta.url)`. */
const namedBy = (root: string, file: string): string[] => {
  const text = readFileSync(join(root, file), 'utf8')
  const names = text.matchAll(
    /(?:\bfrom|\bimport|\bimport\(|new URL\()\s*['"](\.{1,2}\/[^'"]+)['"]/g
  )
  return [...names].map(([, name = '']) => join(dirname(file), name))
}

/**
 * @param changed paths below root
 * @returns test files with the number of imports on the way to a changed file, nearest first
 */
export const testsOf = (root: string, changed: readonly string[]): Map<string, number> => {
  const importers = new Map<string, string[]>()
  for (const file of globSync('{src,scripts,test}/**/*.{ts,js}', { cwd: root })) {
    for (const named of namedBy(root, file)) {
      importers.set(named, [...(importers.get(named) ?? []), file])
    }
  }

  const distances = new Map(changed.map((file) => [file, 0]))
  // a Map gives what is added while it is walked: this is a search in breadth
  for (const [file, distance] of distances) {
    for (const importer of importers.get(file) ?? []) {
      if (!distances.has(importer)) distances.set(importer, distance + 1)
    }
  }
  for (const file of ofAllFiles) if (!distances.has(file)) distances.set(file, 1)

  const tests = [...distances].filter(
    ([file]) => file.endsWith('.test.ts') && existsSync(join(root, file))
  )
  return new Map(tests.sort(([, a], [, b]) => a - b))
}

/** In s, of a test file that has not run here. */
const guessTime = (test: string): number => {
  if (test.startsWith('test/root/')) return 300
  return /^test\/(end-to-end|browser)\//.test(test) ? 30 : 3
}

/**
 * Takes tests in their order for as long as they fit.
 * @param times how long each took when it ran last, in s
 * @param seconds how long all may take
 */
export const withinTime = (
  tests: Iterable<string>,
  times: ReadonlyMap<string, number>,
  seconds: number
): { chosen: string[]; left: string[] } => {
  const chosen: string[] = []
  const left: string[] = []
  let sum = 0
  for (const test of tests) {
    const time = times.get(test) ?? guessTime(test)
    if (sum + time > seconds) left.push(test)
    else {
      sum += time
      chosen.push(test)
    }
  }
  return { chosen, left }
}
