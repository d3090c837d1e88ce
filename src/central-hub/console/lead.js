import { texts } from './texts.js'

/** What is true of a lead wherever it is shown. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

export const states = /** @type {const} */ (['new', 'open', 'won', 'lost', 'ignored'])

/** @param {{ name: string | null, phone_display: string | null }} lead */
export const nameOf = ({ name, phone_display }) => name ?? phone_display ?? texts.unknownName

/** Whether something of it is to be read, or a person marked it so. @param {Lead} lead */
export const isUnread = ({ unread_count, marked_unread }) => unread_count > 0 || marked_unread

/** The name that the team gave; null where WhatsApp's stands. @param {Lead} lead */
export const givenName = ({ name, whatsapp_name }) => (name === whatsapp_name ? null : name)

/**
 * An answer may overtake an event: how far back what was told may be and still be late news, ms.
 * More is a clock set back.
 */
const lateMs = 10_000

/**
 * Whether what is told of a lead is older than what is known of it. @param {Lead} told @param {Lead
 * | undefined} known
 */
export const isOlder = (told, known) => {
  const by =
    known && known.id === told.id ? Date.parse(known.updated_at) - Date.parse(told.updated_at) : 0
  return by > 0 && by < lateMs
}

/**
 * Whether two leads turned out to be one person: the hub keeps one. A number may go to another
 * person, with another LID.
 * @param {Lead} a @param {Lead} b
 */
export const samePerson = (a, b) =>
  a.account === b.account &&
  (a.lid !== null && b.lid !== null ? a.lid === b.lid : a.phone !== null && a.phone === b.phone)
