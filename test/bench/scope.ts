import type { Test } from 'tap'
import type { Bench } from './row.ts'

/** For the helpers of tests, which ask a test for nothing but `teardown`. */
export const asTest = ({ onEnd }: Pick<Bench, 'onEnd'>): Test =>
  ({ teardown: onEnd }) as unknown as Test
