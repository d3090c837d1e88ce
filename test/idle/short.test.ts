import t from 'tap'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { inWords, limits, measureIdle } from './measure.ts'

/**
 * What test/idle/main.ts measures for five minutes, for 20 seconds: a timer that wakes a daemon
 * shows in that.
 */

t.setTimeout(900_000)

/** A collection of garbage, or a read-back, may fall into 20 s. */
const shortCpuPercent = 3 * limits.cpuPercent

t.test('an idle daemon is hardly woken, and uses next to no CPU', async (t) => {
  const { path, remove } = browserDirectory()
  t.teardown(remove)

  const measured = await measureIdle({ seconds: 20, directory: path })

  t.equal(measured.length, 2)
  for (const idle of measured) {
    t.ok(idle.wakeupsPerSecond <= limits.wakeupsPerSecond, inWords(idle))
    t.ok(idle.cpuPercent <= shortCpuPercent, `${idle.cpuPercent.toFixed(3)} % of a core`)
  }
})
