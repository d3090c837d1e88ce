import { reasonOf } from './harmless.ts'
import type { Log } from './log.ts'
import type { Notify } from './notify.ts'

/** What must be undone at the end, in reverse order of `onStop`, within a bound. */
export interface Lifecycle {
  /**
   * Registers a step of the graceful stop; steps run one after the other, the last registered
   * first.
   */
  onStop(step: string, run: () => Promise<void> | void): void
  /**
   * Stops everything, then exits. Further calls are ignored; a step that throws is logged and does
   * not keep the others.
   * @param status what `systemctl status` goes on showing, such as why it failed
   */
  stop(reason: string, exitCode: number, status?: string): Promise<void>
}

/**
 * Handles SIGTERM, SIGINT and errors nobody caught.
 * @param timeoutMs the bound of the whole stop; past it the process exits 1 with the steps undone
 * @param onStray an error that no code of ours awaited; when it says true the daemon goes on
 */
export const createLifecycle = (options: {
  log: Log
  notify: Notify
  timeoutMs: number
  onStray?: (error: unknown) => boolean
  exit?: (code: number) => void
}): Lifecycle => {
  const {
    log,
    notify,
    timeoutMs,
    onStray = () => false,
    exit = (code) => process.exit(code)
  } = options
  const steps: { step: string; run: () => Promise<void> | void }[] = []
  let stopping = false

  const stop = async (
    reason: string,
    exitCode: number,
    status = `stopping: ${reason}`
  ): Promise<void> => {
    if (stopping) return
    stopping = true
    log.info({ event: 'stopping', reason }, `stopping: ${reason}`)
    notify.stopping(status)
    const overdue = setTimeout(() => {
      log.error(
        { event: 'stop_overdue', timeout_ms: timeoutMs },
        `not stopped within ${timeoutMs} ms: exiting as it is`
      )
      exit(1)
    }, timeoutMs)
    for (const { step, run } of steps.reverse()) {
      try {
        await run()
      } catch (error) {
        log.error({ event: 'stop_step_failed', step, err: error }, `stopping: "${step}" failed`)
      }
    }
    clearTimeout(overdue)
    log.info({ event: 'stopped' }, 'stopped')
    notify.close()
    exit(exitCode)
  }

  process.on('SIGTERM', () => void stop('SIGTERM', 0))
  process.on('SIGINT', () => void stop('SIGINT', 0))
  const onUnhandledError =
    (origin: string) =>
    (error: unknown): void => {
      if (onStray(error)) return
      const words = `crashed: ${reasonOf(error)}`
      log.fatal({ event: 'crashed', origin, err: error }, words)
      void stop(origin, 1, words)
    }
  process.on('uncaughtException', onUnhandledError('uncaughtException'))
  // by itself Node would wrap a reason that is no Error, and onStray could not tell whose it is
  process.on('unhandledRejection', onUnhandledError('unhandledRejection'))
  return { onStop: (step, run) => void steps.push({ step, run }), stop }
}
