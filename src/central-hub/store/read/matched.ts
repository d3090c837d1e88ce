import type { CountryCode } from 'libphonenumber-js'
import type { Lead, Matched } from '../../../contract/lead.ts'
import { spellingsOf } from '../database/phone.ts'
import { isShort } from '../database/dialect-queries.ts'
import type { Db } from '../database/schema.ts'
import { leadTerms, messageTerms, type LeadTerm } from '../database/search-terms.ts'
import type { Found } from './search.ts'
import { spacelessRuns } from '../database/spaceless.ts'

/** What a search found of a lead, as a person reads it. */

/** Characters before what was found, and of all. */
const [before, length] = [30, 80]

/** A text without case and accents, and where each character of that came from. */
interface Folded {
  text: string
  places: number[]
}

const fold = (text: string): Folded => {
  const places: number[] = []
  let folded = ''
  let at = 0
  for (const character of text) {
    const plain = character.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
    for (let index = 0; index < plain.length; index += 1) places.push(at)
    folded += plain
    at += character.length
  }
  return { text: folded, places }
}

const isLetter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}]/u.test(character)

/**
 * Where a text has these characters, as the search finds them. @param begins only at the beginning
 * of a word
 */
const placeOf = (text: string, wanted: string, begins: boolean): number | undefined => {
  const { text: folded, places } = fold(text)
  const { text: sought } = fold(wanted)
  if (sought === '') return undefined
  for (let at = folded.indexOf(sought); at !== -1; at = folded.indexOf(sought, at + 1)) {
    if (!begins || spacelessRuns(sought).length > 0 || !isLetter(folded[at - 1])) return places[at]
  }
  return undefined
}

/** The text around a place, in one line, with … where it was cut. */
export const excerpt = (text: string, at: number): string => {
  const characters = [...text.slice(0, at)]
  const start = Math.max(0, characters.length - before)
  const rest = [...characters.slice(start), ...text.slice(at, at + 4 * length)].slice(0, length)
  const cut = rest.join('')
  const isCut = characters.slice(0, start).join('').length + cut.length < text.length
  return `${start > 0 ? '…' : ''}${cut.replace(/\s+/g, ' ').trim()}${isCut ? '…' : ''}`
}

/** Those first that a list shows least. */
const byVisibility: readonly Matched['field'][] = ['note', 'assignee', 'tag', 'phone', 'name']

const fieldsOf = (lead: Lead): [Matched['field'], string[]][] => [
  ['name', [lead.name ?? '', lead.whatsapp_name ?? '']],
  ['tag', lead.tags],
  ['assignee', [lead.assignee ?? '']],
  ['note', [lead.note]]
]

const matchOfText = (lead: Lead, sought: string): Matched | undefined => {
  // spaces are only in writing without spaces, where the search has them
  const wanted = sought.replaceAll(' ', '')
  for (const [field, texts] of fieldsOf(lead)) {
    for (const text of texts) {
      const at = placeOf(text, wanted, isShort(wanted))
      if (at !== undefined) return { field, snippet: excerpt(text, at), message_id: null }
    }
  }
  return undefined
}

/** The number that has these digits, in any spelling. */
const matchOfDigits = ({ phone, other_phones }: Lead, digits: string): Matched | undefined => {
  const phones = phone === null ? other_phones : [phone, ...other_phones]
  const shown = phones.find((each) =>
    spellingsOf(each).some((spelling) => spelling.includes(digits))
  )
  return shown === undefined ? undefined : { field: 'phone', snippet: shown, message_id: null }
}

/** What a term was found in: of several, what a list shows least of. */
const matchOf = (lead: Lead, term: LeadTerm): Matched | undefined => {
  if ('text' in term) return matchOfText(lead, term.text)
  if ('digits' in term) return matchOfDigits(lead, term.digits)
  const found = ('all' in term ? term.all : term.any).flatMap((each) => matchOf(lead, each) ?? [])
  return found.toSorted((a, b) => byVisibility.indexOf(a.field) - byVisibility.indexOf(b.field))[0]
}

interface MatchedMessage {
  pk: number
  id: string
  body: string
  terms: string
  revoked_at: number | null
}

const matchOfMessage = (message: MatchedMessage, q: string): Matched => {
  const { id, body, terms, revoked_at } = message
  if (revoked_at !== null) return { field: 'message', snippet: '', message_id: id }
  const sought = [...(messageTerms(q)?.words ?? []), ...spacelessRuns(q)]
  for (const text of [body, ...terms.split('\n')]) {
    const places = sought.flatMap((word) => placeOf(text, word, true) ?? [])
    if (places.length > 0)
      return { field: 'message', snippet: excerpt(text, Math.min(...places)), message_id: id }
  }
  return { field: 'message', snippet: excerpt(body === '' ? terms : body, 0), message_id: id }
}

const readMessages = async (
  db: Db,
  found: readonly Found[]
): Promise<Map<number, MatchedMessage>> => {
  const pks = found.flatMap(({ pk }) => pk ?? [])
  if (pks.length === 0) return new Map()
  const rows = await db
    .selectFrom('messages')
    .select(['pk', 'id', 'body', 'terms', 'revoked_at'])
    .where('pk', 'in', pks)
    .execute()
  return new Map(rows.map((row) => [row.pk, row]))
}

/** Leads that a search found, in its order, each with what matched. */
export const describeMatches = async (
  db: Db,
  { q = '', country }: { q?: string; country?: CountryCode },
  found: readonly Found[],
  leads: ReadonlyMap<number, Lead>
): Promise<Lead[]> => {
  const messages = await readMessages(db, found)
  const terms = leadTerms(q, country)
  return found.flatMap(({ id, pk }) => {
    const lead = leads.get(id)
    if (lead === undefined) return []
    const message = pk === null ? undefined : messages.get(pk)
    const matched =
      message === undefined ? terms && matchOf(lead, terms) : matchOfMessage(message, q)
    return matched === undefined ? [lead] : [{ ...lead, matched }]
  })
}
