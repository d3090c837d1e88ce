import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toSvg } from '../lab/plot.ts'
import { charts } from './charts.ts'
import { trends } from './flat.ts'
import type { Options } from './options.ts'
import type { Result } from './result.ts'
import { soak } from './soak.ts'

/**
 * One run, as the user it is started as: `run.ts OPTIONS`, JSON; main.ts starts it. Leaves
 * result.json and plots in the directory.
 */

const options = JSON.parse(process.argv[2] ?? '{}') as Options
const started = Date.now()
const say = (text: string): void =>
  void process.stderr.write(
    `${((Date.now() - started) / 1_000).toFixed(0).padStart(5)} s  ${text}\n`
  )
const ending = new AbortController()
process.once('SIGTERM', () => ending.abort())
const { samples, last: _last, ...rest } = await soak(options, say, ending.signal)
const result: Result = { ...rest, trends: trends(samples), samples: samples.length }
writeFileSync(join(options.directory, 'result.json'), JSON.stringify(result, null, 2))
for (const plot of charts(samples))
  writeFileSync(join(options.directory, `${plot.name}.svg`), toSvg(plot))
