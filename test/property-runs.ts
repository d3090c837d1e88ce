import { randomInt } from 'node:crypto'
import type { Test } from 'tap'

/**
 * What `fc.assert` takes: a failure then also says what the property threw, in the line that names
 * it.
 */
export interface PropertyRuns {
  numRuns: number
  seed: number
  includeErrorInReport: true
}

/**
 * How often a property is tried, and from which seed. Another number and seed can be given:
 *
 *     PROPERTY_RUNS=100000 PROPERTY_SEED=7 node test/central-hub/store/pages.test.ts
 */
export const propertyRuns = (t: Test, usual: number): PropertyRuns => {
  const { PROPERTY_RUNS: runs, PROPERTY_SEED: given } = process.env
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  const numRuns = runs === undefined ? usual : Number(runs)
  t.comment(`${numRuns} cases from seed ${seed}`)
  return { numRuns, seed, includeErrorInReport: true }
}
