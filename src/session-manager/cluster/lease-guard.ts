import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { reasonOf } from '../../platform/harmless.ts'

/**
 * A process of its own that kills the browser of a profile once the lease is over, whatever has
 * become of this one: it may be stopped, or stuck, while its browser runs on. It also does when
 * this process ends.
 */
export interface Guard {
  /**
   * Spares the browser until then: ms since boot, as /proc/uptime counts. A time that is past kills
   * it now.
   */
  spare(until: number): void
  stop(): Promise<void>
}

// reads times in 1/100 s, the first within a second; no line and no more to come means that the
// process it guards for has ended. It looks again for 10 s, for a browser may just have been coming
// up; then it waits for the next line.
const script = `
kill_browser() {
  local file pid
  for file in $(grep -lzxFf - /proc/[0-9]*/cmdline <<< "--user-data-dir=$1"); do
    pid=\${file#/proc/} pid=\${pid%/cmdline}
    kill -KILL -- "-$pid" "$pid"
  done 2>/dev/null
}
read -r now _ < /proc/uptime
until=$((10#\${now/./} + 100))
while :; do
  read -r now _ < /proc/uptime
  left=$((until - 10#\${now/./}))
  (( left > 0 )) || kill_browser "$1"
  (( left > 0 && left < 100 )) || left=100
  printf -v wait '%d.%02d' $((left / 100)) $((left % 100))
  (( 10#\${now/./} < until + 1000 )) || wait=86400
  if read -r -t "$wait" line; then until=$line
  elif (( $? <= 128 )); then kill_browser "$1"; exit
  fi
done 2>/dev/null
`

/**
 * @param onEnd called when it ended, or could not begin, without having been stopped: nothing is
 * guarded then
 */
export const startGuard = (profile: string, onEnd: (reason: string) => void): Guard => {
  // detached: what ends a foreground process must not end this one first
  const child = spawn('/bin/bash', ['-c', script, 'lease-guard', profile], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' }
  })
  const ended = once(child, 'close').catch(() => undefined)
  let over = false
  const end = (reason: string): void => {
    if (over) return
    over = true
    onEnd(reason)
  }
  child.once('error', (error) => end(reasonOf(error)))
  child.once('exit', (code, signal) => end(`it ended with ${signal ?? code}`))
  child.stdin.on('error', (error) => end(reasonOf(error)))
  return {
    spare: (until) => void child.stdin.write(`${Math.max(0, Math.floor(until / 10))}\n`),
    stop: async () => {
      over = true
      child.stdin.end()
      await ended
    }
  }
}
