import type { OperationId } from '../contract/routes.ts'

/**
 * Statuses of 400 or more by which an operation answers in its usual form; a test holds this list
 * to the contract.
 */
export const alsoAnswers: Partial<Record<OperationId, readonly number[]>> = { getReadiness: [503] }
