type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/**
 * An object without those of its members that are undefined. An optional member that is there and
 * undefined is another thing to TypeScript (`exactOptionalPropertyTypes`), to JSON and to SQL.
 */
export const omitUndefined = <T extends object>(members: T): Defined<T> =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined)
  ) as Defined<T>
