/** Functions that are given to the page by their text, by name. */
type Parts = Readonly<Record<string, (...args: never[]) => unknown>>

/**
 * A call as an expression that a page evaluates: the function is given the other functions, then
 * the arguments. So a long function that runs in the page can be made of short ones, though none of
 * them knows its file there.
 */
export const expression = (
  parts: Parts,
  main: (given: never, ...args: never[]) => unknown,
  ...args: readonly unknown[]
): string => {
  const given = Object.entries(parts).map(([name, part]) => `${name}: ${String(part)}`)
  return `(${String(main)})(${[`{ ${given.join(', ')} }`, ...args.map((value) => JSON.stringify(value))].join(', ')})`
}
