import type { CapturedMessage } from '../../../contract/record.ts'
import { phoneKey } from './phone.ts'

/** What the search finds a message by, beside its text. */

/** At most, characters. */
const maxLength = 10_000

/** The values of a vCard's field, https://www.rfc-editor.org/rfc/rfc6350 */
const cardFields = (card: string, field: string): string[] =>
  [...card.matchAll(new RegExp(`^(?:item\\d+\\.)?${field}(?:;[^:\\r\\n]*)?:(.*)$`, 'gim'))].map(
    ([, value = '']) => value.replace(/\\([,;\\])/g, '$1').trim()
  )

/** The names on contact cards, each its first. */
export const contactNames = (cards: readonly string[]): string[] =>
  cards.flatMap((card) => cardFields(card, 'FN').slice(0, 1)).filter((name) => name !== '')

/**
 * The numbers on a contact card: as written, as digits in a row, and without what WhatsApp's ids
 * keep of older numbering.
 */
const cardNumbers = (card: string): string[] =>
  cardFields(card, 'TEL').flatMap((written) => {
    const digits = written.replace(/\D/g, '')
    const forms = [digits, phoneKey(`+${digits}`)].flatMap((form) => [form, form.slice(-10)])
    return [written, ...new Set(forms)].filter(({ length }) => length >= 3)
  })

type Parts = Partial<CapturedMessage>

const offered = ({ interactive }: Parts): (string | undefined)[] => [
  interactive?.title,
  interactive?.footer,
  ...(interactive?.choices ?? []).map(({ text }) => text),
  ...(interactive?.cards ?? []).flatMap(({ title, body, choices = [] }) => [
    title,
    body,
    ...choices.map(({ text }) => text)
  ])
]

const sold = ({ ad, order, product, payment }: Parts): (string | undefined)[] => [
  ad?.title,
  ad?.body,
  order?.title,
  product?.title,
  product?.description,
  product?.retailer_id,
  payment?.note
]

const shared = ({
  location,
  event,
  group_invite,
  contacts = [],
  poll,
  media
}: Parts): (string | undefined)[] => [
  location?.name,
  location?.address,
  event?.name,
  event?.description,
  event?.place,
  group_invite?.name,
  ...contactNames(contacts),
  ...contacts.flatMap((card) => cardFields(card, 'ORG')),
  ...contacts.flatMap(cardNumbers),
  ...(poll?.options ?? []),
  media?.filename
]

const carriers = [
  'ad',
  'order',
  'product',
  'payment',
  'location',
  'event',
  'group_invite',
  'contacts',
  'poll',
  'media',
  'interactive'
] as const

/** Titles, names, places and file names of a message, a line each. Most messages have none. */
export const termsOf = (message: Parts): string =>
  carriers.every((part) => message[part] === undefined) ? '' : linesOf(message)

const linesOf = (message: Parts): string =>
  [...sold(message), ...shared(message), ...offered(message)]
    .filter((text) => text !== undefined && text !== '')
    .join('\n')
    .slice(0, maxLength)
    .toWellFormed()

/**
 * The text of a message. A release before gave the thumbnail of a photo or a place for it, as
 * base64.
 */
export const textOf = ({
  type,
  body,
  contacts
}: Pick<CapturedMessage, 'type' | 'body' | 'contacts'>): string => {
  const isThumbnail = body.length > 100 && body.startsWith('/9j/') && !body.includes(' ')
  const isCard =
    contacts !== undefined && /^(multi_)?vcard$/.test(type) && body.startsWith('BEGIN:VCARD')
  return isThumbnail || isCard ? '' : body
}
