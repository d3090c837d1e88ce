import type { OperationId } from '../contract/routes.ts'

/**
 * Statuses of 400 or more with which an operation answers in its usual form. A test compares this
 * list with the contract. It is a file of its own because the package has no type of OperationId:
 * its declarations must not export this list.
 */
export const alsoAnswers: Partial<Record<OperationId, readonly number[]>> = { getReadiness: [503] }
