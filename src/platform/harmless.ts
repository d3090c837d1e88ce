/**
 * The one door by which text of others enters the log, `/status`, `STATUS=` and answers: errors of
 * WhatsApp's page, the network, a database or a library may hold somebody's number, id or words, or
 * a secret.
 */

const maxChars = 200
const hidden = '(hidden)'

/** An error whose message is our own words: it names nobody, quotes nobody, and is shown whole. */
export class PlainError extends Error {}

/**
 * What is kept as it is: the names that V8 gives to members, dates, IPv4 addresses, versions of
 * WhatsApp Web.
 */
const kept =
  /\(reading '[A-Za-z_$][\w$]*'\)|\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?\b|(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])|(?<![\d.])\d\.\d{4}\.\d{5,12}(?![\d.])/g

/**
 * A login, a path and a query of a URL may hold a secret, a number or a name; scheme and host say
 * where it went.
 */
const hideUrl = (url: string): string => {
  const [, origin = '', rest = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#\s]*@)?[^/?#\s]*)(.*)$/is.exec(url) ?? []
  const place = origin.replace(/\/\/.*@/s, '//')
  return rest === '' || rest === '/' ? place : `${place}/${hidden}`
}

const hideSecrets = (text: string): string =>
  text
    .replace(/\b(Bearer|Basic)\s+\S+/gi, `$1 ${hidden}`)
    .replace(
      /\b([\w-]*(?:token|secret|password|passwd|api_?key|signature))(\s*[=:]\s*)[^\s&;,)]+/gi,
      `$1$2${hidden}`
    )
    .replace(/(?<![\w/.-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}/g, hidden)

/** From the first quote of a kind to the last: what is quoted may hold the same quote again. */
const hideQuoted = (text: string): string =>
  text
    .replace(/".*"?/s, (found) =>
      found.lastIndexOf('"') > 0 ? `${hidden}${found.slice(found.lastIndexOf('"') + 1)}` : hidden
    )
    .replace(/(?<!\w)'.*'(?!\w)|(?<![\w'])'[^']*$/s, hidden)
    .replace(/`.*`|[“„«‹「『].*[”“»›」』]|[‘‚].*[’‘]/s, hidden)

/** Ids of WhatsApp and addresses of mail: whatever has an @ in it. */
const hideIds = (text: string): string =>
  text.replace(/[^\s(),;:"'<>[\]{}]*@[^\s(),;"'<>[\]{}]+/g, hidden)

const digits = /\p{Nd}/gu
/** Seven digits or more, however a person groups them. */
const hideNumbers = (text: string): string =>
  text.replace(/[+(]?\p{Nd}(?:[\s().\-/\u00a0\u2010-\u2015]{0,3}\p{Nd})+/gu, (found) =>
    (found.match(digits) ?? []).length < 7 ? found : hidden
  )

/** Does it to all but what is kept. */
const exceptKept = (text: string, hide: (part: string) => string): string => {
  const parts = [...text.matchAll(kept)].map(([part]) => part)
  // A private-use character is in no message that matters, and in none of the patterns.
  const marked = hide(text.replaceAll('\ue000', '').replace(kept, '\ue000'))
  return marked.replaceAll('\ue000', () => parts.shift() ?? '')
}

/**
 * The first line of a text of others: without quoted text, ids, numbers of seven digits or more,
 * secrets, and what a URL has after its host; at most 200 characters.
 */
export const harmless = (text: string): string => {
  const line = (text.split(/[\r\n\u2028\u2029]/).find((part) => part.trim() !== '') ?? '').slice(
    0,
    4_000
  )
  const safe = exceptKept(
    line.replace(/[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>]+/gi, hideUrl),
    (part) =>
      hideNumbers(hideIds(hideSecrets(hideQuoted(part.replace(/=\([^)]*\)/g, `=${hidden}`)))))
  )
  return safe.length > maxChars ? `${safe.slice(0, maxChars - 1)}…` : safe
}

/**
 * Why something failed, in one line that may be shown and logged: our own words whole, all others'
 * made harmless.
 */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.slice(0, 5).map(reasonOf))].join(', ')
  }
  if (error instanceof PlainError) return error.message
  if (!(error instanceof Error)) return harmless(String(error))
  const { code, syscall, path } = error as NodeJS.ErrnoException
  if (code !== undefined && syscall !== undefined && typeof path === 'string')
    return ofFile(error.message, path)
  return harmless(error.message) || nameOf(error)
}

/** An error of the file system names the file, which is where an operator looks. */
const ofFile = (message: string, path: string): string => {
  const [what = ''] = message.split(" '")
  return `${harmless(what)} ${exceptKept(path, (part) => hideNumbers(hideIds(part)))}`
}

const nameOf = ({ name }: Error): string => (/^[\w.]{1,60}$/.test(name) ? name : 'Error')

/** Where it was thrown: file, line and function, without the message that a stack begins with. */
const framesOf = ({ stack = '' }: Error): string[] =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => {
      const [, name = '', place = ''] =
        /^\s+at (?:(?:async |new )*([\w$.<>#[\] ]{1,80}?) \()?((?:file:\/\/|node:|\/)[^()\s?#]{1,200}:\d+:\d+)\)?$/.exec(
          line
        ) ?? []
      if (place === '') return 'at (page)'
      return name === '' ? `at ${place}` : `at ${name} (${place})`
    })
    .map((line) => (/@|\d{9,}/.test(line) ? 'at (hidden)' : line))

/**
 * Members of errors that name a kind of fault and nobody: of Node, SQLite, PostgreSQL and HTTP.
 * Never `detail` or `where`.
 */
const members = [
  'code',
  'errno',
  'syscall',
  'errcode',
  'severity',
  'routine',
  'schema',
  'table',
  'column',
  'constraint',
  'status',
  'statusCode'
] as const

const maxCauses = 5

/** An error as the log may have it, with what caused it. */
export const harmlessError = (error: unknown, depth = 0): unknown => {
  if (!(error instanceof Error))
    return harmless(
      typeof error === 'object' && error !== null
        ? Object.prototype.toString.call(error)
        : String(error)
    )
  const kinds: Record<string, unknown> = {}
  for (const member of members) {
    const value = (error as unknown as Record<string, unknown>)[member]
    if (
      typeof value === 'number' ||
      (typeof value === 'string' && /^[\w.-]{1,60}$/.test(value) && !/\d{7}/.test(value))
    )
      kinds[member] = value
  }
  const shown: Record<string, unknown> = {
    type: nameOf(error),
    message: reasonOf(error),
    ...kinds,
    stack: framesOf(error).join('\n')
  }
  if (depth >= maxCauses) return shown
  if (error.cause !== undefined) shown['cause'] = harmlessError(error.cause, depth + 1)
  if (error instanceof AggregateError)
    shown['errors'] = error.errors.slice(0, maxCauses).map((one) => harmlessError(one, depth + 1))
  return shown
}

/**
 * Ids of WhatsApp and international numbers, which none of our own words have: the last net, for
 * whatever came by no door.
 */
export const withoutIds = (text: string): string =>
  text
    .replace(
      /[\w.+:-]*\d{5,}[\w.:-]*@(?:c\.us|g\.us|lid|s\.whatsapp\.net|broadcast|newsletter)[\w.:-]*/g,
      hidden
    )
    .replace(/\+\d{7,15}(?!\d)/g, hidden)
