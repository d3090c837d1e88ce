/** A JSON answer as it goes over the wire. */
export interface TaggedAnswer {
  etag: string
  bytes: Buffer
}

/** What is kept in all, bytes. */
const maxBytes = 4 * 1024 ** 2

/**
 * Answers that follow from the store alone, kept by their URL for as long as nothing in it has
 * changed. That is asked before each is given, so none is older than the request for it.
 * @param changes tells whether anything has changed since: it then gives another text
 */
export const createResponseCache = (
  changes: () => Promise<string>
): ((url: string, make: () => Promise<TaggedAnswer>) => Promise<TaggedAnswer>) => {
  const answers = new Map<string, TaggedAnswer>()
  let bytes = 0
  let asOf: string | undefined
  const clear = (): void => {
    answers.clear()
    bytes = 0
  }
  const keep = (url: string, answer: TaggedAnswer): void => {
    if (answers.has(url) || answer.bytes.length > maxBytes) return
    if (bytes + answer.bytes.length > maxBytes) clear()
    answers.set(url, answer)
    bytes += answer.bytes.length
  }
  return async (url, make) => {
    const now = await changes()
    if (now !== asOf) clear()
    asOf = now
    const kept = answers.get(url)
    if (kept !== undefined) return kept
    const made = await make()
    // what was read while the store changed may be of before or after
    if (now === asOf) keep(url, made)
    return made
  }
}
