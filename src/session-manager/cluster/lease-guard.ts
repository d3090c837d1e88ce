import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { reasonOf } from '../../platform/harmless.ts'

// The script reads times in 1/100 s, the first within a second. The end of its input means that the
// process it guards for has ended. After a kill it looks again for 10 s, because a browser may just
// have been starting. Then it waits for the next line.
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
 * A process of its own that kills the browser of a profile when the lease is over. It does so even
 * when this process is stopped or stuck while its browser runs on, and also when this process ends.
 */
export class LeaseGuard {
  readonly #child: ChildProcessByStdio<Writable, null, null>
  readonly #closed: Promise<unknown>
  readonly #onEnd: (reason: string) => void
  #isDone = false

  /**
   * @param onEnd called when the process ended, or could not start, without `stop`: nothing is
   * guarded then
   */
  constructor(profile: string, onEnd: (reason: string) => void) {
    this.#onEnd = onEnd
    // Detached: a signal that ends a foreground process must not end this guard first.
    const child = spawn('/bin/bash', ['-c', script, 'lease-guard', profile], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' }
    })
    this.#child = child
    this.#closed = once(child, 'close').catch(() => undefined)
    child.once('error', (error) => this.#end(reasonOf(error)))
    child.once('exit', (code, signal) => this.#end(`it ended with ${signal ?? code}`))
    child.stdin.on('error', (error) => this.#end(reasonOf(error)))
  }

  /**
   * Spares the browser until a time, in ms since boot as /proc/uptime counts. A time in the past
   * kills the browser now.
   */
  spare(until: number): void {
    this.#child.stdin.write(`${Math.max(0, Math.floor(until / 10))}\n`)
  }

  async stop(): Promise<void> {
    this.#isDone = true
    this.#child.stdin.end()
    await this.#closed
  }

  #end(reason: string): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#onEnd(reason)
  }
}
