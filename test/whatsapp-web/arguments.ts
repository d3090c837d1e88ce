import type { WhatsAppWeb } from './api.ts'

/** What a verb of the control server takes, and how it is read out of JSON. */

export interface Field {
  is: 'phone' | 'text' | 'number' | 'flag' | 'list' | 'file' | readonly string[]
  about: string
  required?: true
}

export interface Verb {
  about: string
  fields: Record<string, Field>
  /** `args` hold what `fields` allow: files as Buffer, lists as string[]. */
  run(web: WhatsAppWeb, args: Args): unknown
}

export type Args = Record<string, string | number | boolean | string[] | Buffer | undefined>

/**
 * Checks a body and turns it into what `run` takes. @returns the fault if there is one, naming the
 * field
 */
export const readArgs = (
  verb: Verb,
  body: Record<string, unknown>
): { args: Args } | { field: string; message: string } => {
  const args: Args = {}
  const unknown = Object.keys(body).find((name) => !(name in verb.fields))
  if (unknown !== undefined)
    return {
      field: unknown,
      message: `unknown; expected ${Object.keys(verb.fields).join(', ') || 'nothing'}`
    }
  for (const [name, { is, required: needed }] of Object.entries(verb.fields)) {
    const value = body[name]
    if (value === undefined) {
      if (needed) return { field: name, message: 'is missing' }
      continue
    }
    const wrong = (expected: string): { field: string; message: string } => ({
      field: name,
      message: `expected ${expected}`
    })
    if (is === 'flag') {
      if (typeof value !== 'boolean') return wrong('true or false')
      args[name] = value
    } else if (is === 'number') {
      if (
        typeof value !== 'number' &&
        !(typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
      )
        return wrong('a number')
      args[name] = Number(value)
    } else if (is === 'list') {
      const list = typeof value === 'string' ? value.split(',').filter(Boolean) : value
      if (!Array.isArray(list) || list.some((item) => typeof item !== 'string'))
        return wrong('a list of texts')
      args[name] = list as string[]
    } else if (typeof value !== 'string') return wrong('a text')
    else if (is === 'phone') {
      if (!/^\+?\d{5,15}$/.test(value) && !/^[\d-]+@(c\.us|lid|g\.us)$/.test(value))
        return wrong('a phone number such as +5215512345678, or an id such as 123@lid')
      args[name] = value
    } else if (is === 'file') {
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return wrong('the file in base64')
      args[name] = Buffer.from(value, 'base64')
    } else if (is === 'text') args[name] = value
    else if (!is.includes(value)) return wrong(is.join(', '))
    else args[name] = value
  }
  return { args }
}
