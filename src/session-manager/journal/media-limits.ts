/** Which media are fetched and kept. */
export interface MediaLimits {
  /** 0 keeps none. */
  maxBytes: number
  /** Types, or all of a kind such as audio, as MEDIA_TYPES has them. */
  types: readonly string[]
}

/** Parameters and case of a type do not count. */
const isOf = (type: string, pattern: string): boolean =>
  pattern === '*/*' ||
  pattern === type ||
  (pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1)))

/**
 * Why media are not kept; undefined when they are. An unknown size is kept, an unknown type not.
 */
export const whyNotKept = (
  { maxBytes, types }: MediaLimits,
  { size = 0, mimetype = '' }: { size?: number | undefined; mimetype?: string | undefined }
): string | undefined => {
  if (maxBytes === 0 || size > maxBytes) return 'larger than MEDIA_MAX_SIZE'
  const type = (mimetype.split(';')[0] ?? '').trim().toLowerCase()
  return types.some((pattern) => isOf(type, pattern.toLowerCase()))
    ? undefined
    : 'of a type that MEDIA_TYPES leaves out'
}
