import { reasonOf } from './harmless.ts'
import type { Log } from './log.ts'
import type { Notify } from './notify.ts'

interface LifecycleOptions {
  log: Log
  notify: Notify
  /** The bound of the whole stop, ms. Past it the process exits 1, with the other steps undone. */
  timeoutMs: number
  exit?: (code: number) => void
}

/**
 * Stops a daemon on SIGTERM, on SIGINT and on errors that nobody caught: runs the steps of `onStop`
 * in reverse order, within a bound, and exits.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions
  readonly #steps: { step: string; run: () => Promise<void> | void }[] = []
  #handleError: (error: unknown) => boolean = () => false
  #isStopping = false

  constructor(options: LifecycleOptions) {
    this.#options = options
    process.on('SIGTERM', () => void this.stop('SIGTERM', 0))
    process.on('SIGINT', () => void this.stop('SIGINT', 0))
    // Without this handler Node would wrap a reason that is no Error, and `onUnhandledError` could
    // not know whose error it is.
    for (const origin of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(origin, (error: unknown) => this.#onUnhandled(origin, error))
  }

  /**
   * Registers a step of the graceful stop. Steps run one after the other, the last registered step
   * first.
   */
  onStop(step: string, run: () => Promise<void> | void): void {
    this.#steps.push({ step, run })
  }

  /** @param handle takes errors that nobody awaited; the daemon goes on when it returns true */
  onUnhandledError(handle: (error: unknown) => boolean): void {
    this.#handleError = handle
  }

  /**
   * Stops everything, then exits. Further calls are ignored. A step that throws is logged and does
   * not keep the others.
   * @param status what `systemctl status` goes on showing, such as why it failed
   */
  async stop(reason: string, exitCode: number, status = `stopping: ${reason}`): Promise<void> {
    if (this.#isStopping) return
    this.#isStopping = true
    const { log, notify, timeoutMs } = this.#options
    log.info({ event: 'stopping', reason }, `stopping: ${reason}`)
    notify.stopping(status)
    const overdue = setTimeout(() => {
      log.error(
        { event: 'stop_overdue', timeout_ms: timeoutMs },
        `not stopped within ${timeoutMs} ms: exiting as it is`
      )
      this.#exit(1)
    }, timeoutMs)
    for (const { step, run } of this.#steps.reverse()) {
      try {
        await run()
      } catch (error) {
        log.error({ event: 'stop_step_failed', step, err: error }, `stopping: "${step}" failed`)
      }
    }
    clearTimeout(overdue)
    log.info({ event: 'stopped' }, 'stopped')
    notify.close()
    this.#exit(exitCode)
  }

  #onUnhandled(origin: string, error: unknown): void {
    if (this.#handleError(error)) return
    const words = `crashed: ${reasonOf(error)}`
    this.#options.log.fatal({ event: 'crashed', origin, err: error }, words)
    void this.stop(origin, 1, words)
  }

  #exit(code: number): void {
    const { exit = (status) => process.exit(status) } = this.#options
    exit(code)
  }
}
