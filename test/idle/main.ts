import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { inWords, limits, type Idle, type IdleOptions } from './measure.ts'

/**
 * `npm run idle`: what both daemons use while nothing happens, as they are built (`npm run build`
 * first), as an unprivileged user. Exits 1 when one of them uses more than it may.
 */

const root = resolve(import.meta.dirname, '../..')
const dist = join(root, 'dist')
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } })
if (!/^[1-9]\d{0,4}$/.test(values.seconds) || !existsSync(join(dist, 'central-hub/main.js'))) {
  console.error(
    'usage: npm run idle -- [--seconds N]   (5 minutes by default; npm run build first)'
  )
  process.exit(2)
}

const where = mkdtempSync(join(tmpdir(), 'leadmaster-idle-'))
try {
  chmodSync(where, 0o755)
  const own = join(where, 'run')
  const options: IdleOptions = { seconds: Number(values.seconds), directory: own, dist }
  const child = spawn(
    'scripts/unprivileged',
    [
      '--with-parent',
      '--own',
      own,
      `HOME=${own}`,
      `TMPDIR=${own}`,
      process.execPath,
      'test/idle/run.ts',
      JSON.stringify(options)
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] }
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => child.kill('SIGTERM'))
  const ended = once(child, 'close')
  const printed = await text(child.stdout)
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`the run came to no end (${code})`)
  for (const idle of JSON.parse(printed) as Idle[]) {
    const isTooMuch =
      idle.cpuPercent > limits.cpuPercent || idle.wakeupsPerSecond > limits.wakeupsPerSecond
    console.log(
      `${inWords(idle)}${isTooMuch ? `: more than ${limits.cpuPercent} % and ${limits.wakeupsPerSecond} a second` : ''}`
    )
    if (isTooMuch) process.exitCode = 1
  }
} finally {
  rmSync(where, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
