/** The part of a file that a request asks for, both ends included. */
interface ByteRange {
  start: number
  end: number
}

/**
 * The one range of a Range header, RFC 9110 section 14.1.2; undefined when the whole file is to be
 * sent: without one, for several, and for what is not well-formed, as section 14.2 has it.
 */
export const byteRange = (
  header: string | undefined,
  size: number
): ByteRange | 'unsatisfiable' | undefined => {
  const [, first = '', last = ''] =
    /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '')
    return Number(last) === 0 || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - Number(last)), end: size - 1 }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
