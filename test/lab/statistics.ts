/** What several runs of one thing say together. */
export interface Spread {
  median: number
  min: number
  max: number
  runs: number[]
}

/**
 * The value below which a share of the values lies, by the nearest rank.
 * @param share such as 0.99
 * @throws when there is no value
 */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (found === undefined) throw new Error('a percentile of no values')
  return found
}

/** The middle value, or the mean of the two in the middle. @throws when there is none */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  if (low === undefined || high === undefined) throw new Error('a median of no values')
  return (low + high) / 2
}

export const spread = (runs: readonly number[]): Spread => ({
  median: median(runs),
  min: Math.min(...runs),
  max: Math.max(...runs),
  runs: [...runs]
})

/** The ratios of two things run in turn, round by round: what slows the machine down slows both. */
export const ratios = (ours: readonly number[], others: readonly number[]): Spread => {
  if (ours.length !== others.length)
    throw new Error(`${ours.length} runs cannot be held against ${others.length}`)
  return spread(ours.map((value, round) => value / (others[round] as number)))
}

/** Runs things in turn, A B A B …, and gives what each round of each gave. */
export const alternate = async <K extends string, T>(
  rounds: number,
  things: Record<K, () => Promise<T>>
): Promise<Record<K, T[]>> => {
  const names = Object.keys(things) as K[]
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>
  for (let round = 0; round < rounds; round += 1)
    for (const name of names) results[name].push(await things[name]())
  return results
}
