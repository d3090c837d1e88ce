import { texts } from './texts.js'

/** Facts about a lead that all parts of the page use. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

export const states = /** @type {const} */ (['new', 'open', 'won', 'lost', 'ignored'])

/** @param {{ name: string | null, phone_display: string | null }} lead */
export const nameOf = ({ name, phone_display }) => name ?? phone_display ?? texts.unknownName

/** Whether a lead has unread messages, or a person marked it as unread. @param {Lead} lead */
export const isUnread = ({ unread_count, marked_unread }) => unread_count > 0 || marked_unread

/** The name that the team gave; null: the name is WhatsApp's. @param {Lead} lead */
export const givenName = ({ name, whatsapp_name }) => (name === whatsapp_name ? null : name)

/**
 * An answer may overtake an event. An event that is older by more than this was not overtaken: the
 * hub's clock was set back. ms.
 */
const lateMs = 10_000

/**
 * Whether a lead is older than its known state.
 * @param {Lead} lead @param {Lead | undefined} known
 */
export const isOlder = (lead, known) => {
  const by =
    known && known.id === lead.id ? Date.parse(known.updated_at) - Date.parse(lead.updated_at) : 0
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
