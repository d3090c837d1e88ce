import { PlainError } from '../../platform/harmless.ts'

/** What keeps a migration from being done, in words that say what to do. */
export class Refused extends PlainError {}
