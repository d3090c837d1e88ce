import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowNames } from './arguments.ts'
import type { Bench, Row } from './row.ts'

/**
 * One row: `run.ts ROW RESULT OPTIONS`, where OPTIONS is JSON; main.ts starts it. Writes the
 * outcome to RESULT.
 */

const [row = '', result = '', given = '{}'] = process.argv.slice(2)
const options = JSON.parse(given) as Pick<Bench, 'quick' | 'dist' | 'peers'> & { profiles?: string }
if (!rowNames.some((name) => name === row)) throw new Error(`there is no row ${row}`)
const { default: run } = (await import(`./rows/${row}.ts`)) as { default: Row }

const directory = mkdtempSync(join(tmpdir(), `${row}-`))
if (options.profiles !== undefined) mkdirSync(options.profiles, { recursive: true })
const undo: (() => Promise<unknown> | unknown)[] = []
const end = async (): Promise<void> => {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
process.once('SIGTERM', () => void end().finally(() => process.exit(1)))
try {
  const outcome = await run({
    ...options,
    profiles: options.profiles,
    directory,
    say: (text) => void process.stderr.write(`  ${text}\n`),
    onEnd: (step) => void undo.push(step)
  })
  writeFileSync(result, JSON.stringify(outcome))
} finally {
  await end()
}
