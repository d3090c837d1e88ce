import { paced, type Pace } from './day.ts'

/**
 * Loaded into a daemon before its program (`--import clock.ts?{…}`): its clock is the simulated
 * one, and what it does every ten minutes or less often it does that much sooner. Shorter waits
 * stay: they are for a real browser and a real network.
 */

const pace = JSON.parse(decodeURIComponent(new URL(import.meta.url).search.slice(1))) as Pace
const longMs = 600_000
const realNow = Date.now.bind(Date)
const now = (): number => Math.floor(paced(pace, realNow()))

Date.now = now
globalThis.Date = new Proxy(Date, {
  construct: (target, args: unknown[], made) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, made) as object,
  apply: (target) => String(new target(now()))
})

const hasten = <T extends typeof setTimeout | typeof setInterval>(timer: T): T =>
  new Proxy(timer, {
    apply: (target, self, [run, ms, ...args]: [() => void, number?, ...unknown[]]) =>
      Reflect.apply(target as (...given: unknown[]) => unknown, self, [
        run,
        ms !== undefined && ms >= longMs ? ms / pace.rate : ms,
        ...args
      ]) as unknown
  })
globalThis.setTimeout = hasten(setTimeout)
globalThis.setInterval = hasten(setInterval)
