import { isDeepStrictEqual } from 'node:util'

/** What every target holds its code to. */

export const must = (holds: boolean, what: string, ...seen: unknown[]): void => {
  if (!holds) throw new Error([what, ...seen.map((each) => JSON.stringify(each))].join(': '))
}

export const same = (got: unknown, wanted: unknown, what: string): void =>
  must(isDeepStrictEqual(got, wanted), what, got, wanted)

const maxCpuMs = 1_000

/** No input takes more than a second of processor time, and none changes what every object has. */
export const bounded = async (run: () => void | Promise<void>): Promise<void> => {
  const before = process.cpuUsage()
  const members = Object.getOwnPropertyNames(Object.prototype).length
  await run()
  must(
    Object.getOwnPropertyNames(Object.prototype).length === members,
    'Object.prototype was changed'
  )
  const { user } = process.cpuUsage(before)
  must(user < maxCpuMs * 1_000, `it took ${Math.round(user / 1_000)} ms`)
}
