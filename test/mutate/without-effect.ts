import type { WithoutEffect } from './report.ts'

/** Mutants that no test can tell from the code, each with the reason. Whoever changes such a line goes through its entries. */
export const withoutEffect: readonly WithoutEffect[] = []
