import { hash, randomBytes } from 'node:crypto'

/**
 * Secrets of sessions and API keys. They are 256 random bits, so that a plain digest of one cannot
 * be searched for; the store has the digest alone.
 */

const beginnings = { session: 'lms_', key: 'lmk_' } as const
/** So much of a key is shown, to recognise it by: 36 of its 256 bits. */
const prefixLength = 10

/** A new secret. Its beginning says what it is of. */
export const drawSecret = (of: keyof typeof beginnings): string =>
  `${beginnings[of]}${randomBytes(32).toString('base64url')}`

/** What the text is a secret of, by its form; undefined: of nothing. */
export const kindOfSecret = (text: string): keyof typeof beginnings | undefined => {
  const [, beginning] = /^(lm[sk]_)[\w-]{43}$/.exec(text) ?? []
  if (beginning === undefined) return undefined
  return beginning === beginnings.key ? 'key' : 'session'
}

/** What the store has of a secret. */
export const hashSecret = (secret: string): string => hash('sha256', secret, 'base64url')

/** What is shown of a secret. */
export const prefixOf = (secret: string): string => secret.slice(0, prefixLength)
